import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

interface Manifest {
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
  readonly manifests?: readonly { readonly digest: string }[];
}

/** Expects a complete image layout: no other files, each blob with its digest, and all that the index needs. */
export function expectValidLayout(folder: string): void {
  expect(readdirSync(folder).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  const blobs = new Map<string, Buffer>();
  for (const algorithm of readdirSync(join(folder, 'blobs'))) {
    for (const name of readdirSync(join(folder, 'blobs', algorithm))) {
      const bytes = readFileSync(join(folder, 'blobs', algorithm, name));
      expect(createHash(algorithm).update(bytes).digest('hex')).toBe(name);
      blobs.set(`${algorithm}:${name}`, bytes);
    }
  }
  const parse = (bytes: Buffer | undefined) => JSON.parse(bytes?.toString() ?? '{}') as Manifest;
  const neededBy = ({ config, layers = [], manifests = [] }: Manifest): string[] => [
    ...[...(config ? [config] : []), ...layers, ...manifests].map(({ digest }) => digest),
    ...manifests.flatMap(({ digest }) => neededBy(parse(blobs.get(digest)))),
  ];
  const index = parse(readFileSync(join(folder, 'index.json')));
  expect(neededBy(index).filter((digest) => !blobs.has(digest))).toEqual([]);
}
