import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { compileEngine } from '../../bench/mirror/tools.ts';
import { type Measured, measure } from './measure.ts';
import { tenGigabytes } from './sparse.ts';

/** The memory limit of the mirror in bytes, for images of any size and up to 32 concurrent transfers. */
const maxResident = 150e6;
/**
 * The limit for buffers in bytes. Each transfer holds a few chunks in flight. V8 collects transferred chunks at the
 * latest when they have grown by 64 MB (`kExternalAllocationSoftLimit`).
 */
const maxBuffered = 72e6;
/** The limit for planning in bytes, whatever layers the images share. */
const maxPlanned = 100e6;

let engine: string;
beforeAll(async () => {
  engine = await compileEngine();
});

function printResult(what: string, { resident, buffers, bytes, requests, seconds }: Measured): void {
  const megabytes = (value: number) => `${Math.round(value / 1e6)} MB`;
  process.stdout.write(
    `${what}: peak ${megabytes(resident)} resident, ${megabytes(buffers)} in buffers, ` +
      `${megabytes(bytes)} moved by ${requests} requests in ${seconds.toFixed(1)} s\n`,
  );
}

it('a blob of 10 GB needs less than 150 MB of memory', async () => {
  const measured = await measure({ engine, images: 1, size: 0, concurrency: 32 });
  printResult('one blob of 10 GB', measured);
  expect(measured).toMatchObject({ tags: 1, blobs: 2, mismatches: 0 });
  expect(measured.bytes).toBeGreaterThan(tenGigabytes.size);
  expect(measured.resident).toBeLessThan(maxResident);
  expect(measured.buffers).toBeLessThan(maxBuffered);
});

it('32 concurrent transfers need less than 150 MB of memory, and an image with b blobs needs 3 + 3b requests', async () => {
  const images = 64;
  const size = 16_000_000;
  const measured = await measure({ engine, images, size, concurrency: 32 });
  printResult(`${images} blobs of 16 MB, 32 at once`, measured);
  expect(measured).toMatchObject({
    tags: images,
    blobs: 2 * images,
    mismatches: 0,
    kinds: {
      'HEAD manifests': images,
      'GET manifests': images,
      'POST uploads': 2 * images,
      'GET blobs': 2 * images,
      'PUT uploads': 2 * images,
      'PUT manifests': images,
    },
  });
  expect(measured.uploadsAtOnce).toBeGreaterThanOrEqual(32);
  expect(measured.resident).toBeLessThan(maxResident);
  expect(measured.buffers).toBeLessThan(maxBuffered);
});

it('64 repositories without mounts read their 2 shared layers once, with less than 150 MB of memory', async () => {
  const images = 64;
  const size = 100_000_000;
  const measured = await measure({ engine, images, size, layers: 2, concurrency: 32 });
  printResult(`${images} repositories that share 2 blobs of 100 MB`, measured);
  expect(measured).toMatchObject({ tags: images, blobs: 2 * images, mismatches: 0 });
  expect(measured.bytes).toBeGreaterThan(images * size);
  expect(measured.bytesRead).toBeLessThan(1.1 * 2 * size);
  expect(measured.resident).toBeLessThan(maxResident);
  expect(measured.buffers).toBeLessThan(maxBuffered);
});

it.each([
  { images: 3000, shared: 20, own: 5 },
  { images: 1000, shared: 40, own: 5 },
])(
  'planning $images images that share $shared layers needs less than 100 MB of memory',
  ({ images, shared, own }) => {
    const script = fileURLToPath(new URL('planning.ts', import.meta.url));
    const tsx = import.meta.resolve('tsx');
    const counts = [images, shared, own].map(String);
    const output = execFileSync(process.execPath, ['--expose-gc', '--import', tsx, script, ...counts]);
    const { jobs, grown } = JSON.parse(output.toString()) as { jobs: number; grown: number };
    process.stdout.write(`${jobs} blobs planned: ${Math.round(grown / 1e6)} MB over idle\n`);
    expect(jobs).toBe(images * (shared + own));
    expect(grown).toBeLessThan(maxPlanned);
  },
);
