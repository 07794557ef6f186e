import { z } from 'zod';
import type { Digest } from '../clients/registry/digest.ts';
import { count, errorSchema, list, object } from '../core/schemas.ts';

const digest = z.string() as unknown as z.ZodType<Digest>;

/** The result of one image in JSON. */
export const resultSchema = object({
  target: z
    .string()
    .describe('`HOST/REPOSITORY:TAG` in ECR; `HOST/REPOSITORY@DIGEST` for an image without a tag.'),
  engine: z.enum(['registry', 'docker']),
  state: z
    .enum(['current', 'copied', 'moved', 'would-copy', 'would-move', 'kept', 'failed'])
    .describe(
      '`moved`: the tag had other content. `kept`: `--no-clobber` kept the other content of the tag.',
    ),
  sourceDigest: digest.exactOptional(),
  targetDigest: digest.exactOptional(),
  previousDigest: digest.exactOptional().describe('The digest that the tag had before, when it moved.'),
  content: z
    .enum(['whole', 'platform', 'reduced'])
    .exactOptional()
    .describe(
      'What is copied: all of the source, the image of one platform, or an index with some of the platforms.',
    ),
  platforms: list(z.string()).describe(
    'The platforms of the target. Empty for artifacts, and where they are unknown.',
  ),
  missingPlatforms: list(z.string())
    .exactOptional()
    .describe('Platforms of nodes that the source does not have. The image was copied without them.'),
  referrers: object({
    copied: count.describe('With `--dry-run`, those that would be copied.'),
    current: count.describe('Those that the target already had.'),
    skipped: count.describe('Those that could not be copied; `warnings` says why.'),
  })
    .exactOptional()
    .describe('Signatures, attestations, SBOMs and other artifacts that belong to the image: `--referrers`.'),
  size: z.number().exactOptional().describe('Bytes of all blobs of the target, if they are known.'),
  bytesSent: z.number(),
  bytesMounted: z.number(),
  bytesSkipped: z.number(),
  requests: count,
  seconds: z.number(),
  error: errorSchema.exactOptional(),
});
