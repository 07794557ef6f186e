import { describe, expect, it } from 'vitest';
import { Layout } from '../../../src/output/layout.ts';
import { progressLines, progressText, type ActiveProgress } from '../../../src/output/progress-text.ts';
import { Rate } from '../../../src/output/rate.ts';

const whole: ActiveProgress = {
  progress: { id: 'images', label: 'images', done: 1.2e9, total: 3.4e9, unit: 'bytes', active: 8 },
  rate: 45e6,
};
const image = (name: string, done: number): ActiveProgress => ({
  progress: { id: `docker.io/library/${name}`, label: name, done, total: 100e6, unit: 'bytes' },
});
const images = ['nginx:1.27', 'redis:7', 'postgres:17', 'rabbitmq:4', 'traefik:v3', 'grafana:12'].map(
  (name, index) => image(name, 10e6 * (index + 1)),
);
const figures = '1.2 GB of 3.4 GB · 45 MB/s · 49s left · 8 blobs';

const layout = new Layout();

describe('the progress line of mirror', () => {
  it('shows total bytes, rate, remaining time and active blobs at 60 columns', () => {
    expect(progressText([...images, whole], 57, layout)).toBe(figures);
  });

  it('names the images in progress as far as they fit, and the number of the others', () => {
    expect(progressText([whole, ...images], 157, layout)).toBe(
      `${figures} · nginx:1.27 10%, redis:7 20%, postgres:17 30%, rabbitmq:4 40%, traefik:v3 50%, grafana:12 60%`,
    );
    expect(progressText([whole, ...images], 90, layout)).toBe(
      `${figures} · nginx:1.27 10%, redis:7 20%, 4 more`,
    );
  });

  it.each([10, 20, 30, 40, 50, 80, 120])(
    'is never wider than %i columns, and never cuts a figure',
    (width) => {
      const text = progressText([whole, ...images], width, layout);
      expect(text.length).toBeLessThanOrEqual(width);
      const [head = ''] = text.split(' · nginx');
      expect(`${figures} · `).toContain(head === '' ? '' : `${head} · `);
    },
  );

  it('omits images that have not started', () => {
    expect(progressText([whole, image('waiting:1', 0)], 157, layout)).toBe(figures);
  });

  it('counts references while the bytes are unknown', () => {
    const progress = {
      id: 'references',
      label: 'images looked up',
      done: 3,
      total: 9,
      unit: 'items',
    } as const;
    expect(progressText([{ progress }], 60, layout)).toBe('images looked up 3 of 9');
  });
});

describe('the bars of images', () => {
  it('follow the figures of the whole run, as many as there is room for', () => {
    expect(progressLines([...images, whole], 75, layout, 4)).toEqual([
      figures,
      'nginx:1.27                  █░░░░░░░░░░░░░   10%',
      'redis:7                     ██░░░░░░░░░░░░   20%',
      'postgres:17                 ████░░░░░░░░░░   30%',
      '… 3 more',
    ]);
  });

  it('are left out of a narrow or low terminal', () => {
    expect(progressLines([...images, whole], 45, layout, 4)).toEqual([
      progressText([...images, whole], 45, layout),
    ]);
    expect(progressLines([...images, whole], 75, layout, 0)).toHaveLength(1);
  });

  it('are ASCII where the terminal does not show Unicode', () => {
    const ascii = new Layout({ unicode: false });
    expect(progressLines([whole, image('nginx:1.27', 50e6)], 75, ascii, 4)[1]).toBe(
      'nginx:1.27                  #######.......   50%',
    );
  });

  it('come with the number of images that are complete', () => {
    const counted = { ...whole, progress: { ...whole.progress, members: { done: 6, total: 9 } } };
    expect(progressText([counted], 80, layout)).toBe(`6 of 9 images · ${figures}`);
  });
});

describe('a rate', () => {
  it('is the rate of the last seconds, not of the whole time', () => {
    const rate = new Rate();
    for (let second = 0; second <= 20; second += 1) rate.note(second * 1000, second < 10 ? 0 : second - 10);
    expect(rate.perSecond(20_000)).toBe(1);
  });

  it('falls when no more data arrives', () => {
    const rate = new Rate();
    rate.note(0, 0);
    rate.note(1000, 100);
    expect(rate.perSecond(1000)).toBe(100);
    expect(rate.perSecond(10_000)).toBe(10);
  });

  it('is unknown at first, and when there is no progress', () => {
    const rate = new Rate();
    rate.note(0, 0);
    rate.note(500, 5);
    expect(rate.perSecond(500)).toBeUndefined();
    const still = new Rate();
    still.note(0, 7);
    still.note(2000, 7);
    expect(still.perSecond(2000)).toBeUndefined();
  });
});
