import { describe, expect, it } from 'vitest';
import { layerBytes } from '../../../../src/mirror/docker/layer-bytes.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const layers = [
  { digest: digest('a'), size: 10 },
  { digest: digest('b'), size: 200 },
  { digest: digest('c'), size: 3000 },
];

describe('the layer bytes of a push', () => {
  it('finds layers by their uncompressed digests, as the graph-driver store names them', () => {
    const fates = new Map([
      ['1'.repeat(12), 'sent'],
      ['2'.repeat(12), 'mounted'],
      ['3'.repeat(12), 'existed'],
    ] as const);
    expect(layerBytes(layers, [digest('1'), digest('2'), digest('3')], fates)).toEqual({
      bytesSent: 10,
      bytesMounted: 200,
      bytesSkipped: 3000,
    });
  });

  it('finds layers by their own digests, as the containerd store names them', () => {
    const fates = new Map([['b'.repeat(12), 'sent']] as const);
    expect(layerBytes(layers, [], fates)).toMatchObject({ bytesSent: 200, bytesSkipped: 3010 });
  });
});
