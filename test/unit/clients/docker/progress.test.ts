import { describe, expect, it } from 'vitest';
import { layerResultOf, LayerProgress } from '../../../../src/clients/docker/progress.ts';

const downloading = (id: string, current: number, total: number): object => ({
  id,
  status: 'Downloading',
  progressDetail: { current, total },
});

describe('progress over layers', () => {
  it('adds up the progress of all layers', () => {
    const progress = new LayerProgress('Downloading');
    progress.add(downloading('a', 10, 100));
    expect(progress.add(downloading('b', 5, 50))).toEqual({ done: 15, total: 150 });
  });

  it('counts all bytes of a finished layer', () => {
    const progress = new LayerProgress('Downloading');
    progress.add(downloading('a', 10, 100));
    expect(progress.add({ id: 'a', status: 'Download complete' })).toEqual({ done: 100, total: 100 });
  });

  it('ignores the bytes of other phases', () => {
    const progress = new LayerProgress('Downloading');
    progress.add(downloading('a', 100, 100));
    const extracting = { id: 'a', status: 'Extracting', progressDetail: { current: 1, total: 100 } };
    expect(progress.add(extracting)).toBeUndefined();
  });

  it('increases the total when a layer turns out larger', () => {
    const progress = new LayerProgress('Pushing');
    expect(
      progress.add({ id: 'a', status: 'Pushing', progressDetail: { current: 120, total: 100 } }),
    ).toEqual({
      done: 120,
      total: 120,
    });
  });
});

describe("a layer's outcome", () => {
  it.each([
    ['Pushed', 'sent'],
    ['Layer already exists', 'existed'],
    ['Mounted from library/base', 'mounted'],
    ['Preparing', undefined],
  ])('of "%s" is %s', (status, fate) => {
    expect(layerResultOf(status)).toBe(fate);
  });
});
