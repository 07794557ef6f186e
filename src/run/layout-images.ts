import type { Loaded } from '../config/load.ts';
import { BootstrapError } from '../core/errors.ts';
import {
  type GivenReference,
  type RejectedImage,
  type WantedImages,
  wantedImages,
} from '../images/wanted.ts';
import { contentOf } from '../mirror/layout/content.ts';
import type { Layout } from '../mirror/layout/layout.ts';
import { pauseImages } from '../nodes/access.ts';
import type { Context } from '../steps/context.ts';
import type { CollectOptions } from './collect-images.ts';

/**
 * The images to copy to a layout. Their names in ECR do not matter, so the project need not be configured. The agent of
 * the nodes belongs to the images of the configuration.
 */
export async function exportedImages(
  ctx: Context,
  { origins }: Pick<Loaded, 'origins'>,
  from: CollectOptions,
): Promise<WantedImages> {
  const { project, images, nodes } = ctx.config;
  const isUnknown = origins.get('project') === 'placeholder';
  return wantedImages({
    naming: { project: isUnknown ? project.toLowerCase() : project, map: images.map },
    registryHost: await ctx.registryHost(),
    list: from.list ? images.list : [],
    exclude: images.exclude,
    references: from.references,
    workloads: from.fromCluster ? await ctx.inventory.imageSources() : [],
    agent: nodes.image,
    pause: from.fromCluster ? await pauseImages(ctx) : from.list && nodes.access !== 'off' ? [] : undefined,
  });
}

interface LayoutImages {
  readonly references: readonly GivenReference[];
  /** Images whose names are unknown. */
  readonly unnamed: readonly RejectedImage[];
  /** Whether the layout has signatures or other referrers of images. */
  readonly hasReferrers: boolean;
}

/** All images of a layout. @throws BootstrapError `layout-invalid` */
export async function imagesIn(layout: Layout): Promise<LayoutImages> {
  const { images, referrers } = await contentOf(layout);
  return {
    hasReferrers: referrers.length > 0,
    references: images.flatMap(({ name }) =>
      name === undefined ? [] : [{ text: name, wantedBy: layout.name }],
    ),
    unnamed: images
      .filter(({ name }) => name === undefined)
      .map(({ tag, digest }) => ({
        reference: tag ?? digest,
        wantedBy: [layout.name],
        error: new BootstrapError({
          code: 'reference-invalid',
          what: `could not name the image ${tag ?? digest}`,
          why: 'the layout has no full name for it',
          hint: `Give its name: \`ecr-bootstrap mirror --from ${layout.name} HOST/PATH:${tag ?? 'TAG'}\`.`,
        }),
      })),
  };
}
