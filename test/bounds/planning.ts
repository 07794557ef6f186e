import { BlobPlan, type Delivery, createDelivery } from '../../src/mirror/registry/blobs.ts';
import { TransferStats } from '../../src/mirror/registry/result.ts';
import { Contents } from '../../src/mirror/registry/contents.ts';

/**
 * Plans the copy of images in its own process. Each image has its own blobs and blobs that all images share:
 * `planning.ts IMAGES SHARED OWN`. Prints the number of planned blobs and the growth of memory in bytes.
 */
const [images = 1, shared = 0, own = 0] = process.argv.slice(2).map(Number);

const digest = (name: string) => `sha256:${Buffer.from(name).toString('hex').padStart(64, '0')}`;

function descriptors(name: string, count: number, size: number) {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  return Array.from({ length: count }, (_, number) => ({
    mediaType,
    digest: digest(`${name}${number}`),
    size,
  }));
}

function deliveryOf(number: number): Delivery {
  const blobs = [...descriptors('s', shared, 1000), ...descriptors(`${number}-`, own, 5000 + number)];
  const root = { digest: digest(`m${number}`), mediaType: '', bytes: Buffer.alloc(0), children: [], blobs };
  const resolution = {
    image: { source: `registry/app-${number}:1`, repository: `p/app-${number}`, tag: '1', wantedBy: [] },
    source: { registry: {}, repository: `app-${number}` },
    selection: { root, inner: [] },
  } as unknown as Delivery['resolution'];
  return createDelivery(resolution, new TransferStats(() => 0));
}

const contents = new Contents({ get: () => Promise.resolve(undefined), put: () => Promise.resolve() });
const deliveries = Array.from({ length: images }, (_, number) => deliveryOf(number));
globalThis.gc?.();
const idle = process.memoryUsage.rss();
const jobs = await new BlobPlan(contents, true).add(deliveries);
const grown = process.resourceUsage().maxRSS * 1024 - idle;
process.stdout.write(JSON.stringify({ jobs: jobs.length, grown }));
