import { BootstrapError } from '../../core/errors.ts';
import {
  chosenPlatforms,
  formatPlatform,
  type Platform,
  type Platforms,
  serves,
} from '../../core/platform.ts';

/**
 * The one platform to take of those that there are.
 * @throws BootstrapError `image-platform-missing`
 */
export function choosePlatform(source: string, wanted: Platforms, offered: readonly Platform[]): Platform {
  const platform = onePlatform(source, candidates(wanted, offered));
  if (offered.some((other) => serves(platform, other))) return platform;
  throw new BootstrapError({
    code: 'image-platform-missing',
    what: `mirror ${source} for ${formatPlatform(platform)}`,
    why: `the image exists for ${offered.map(formatPlatform).join(', ') || 'no platform'} only`,
    hint: 'Choose a platform that the image has with --platform.',
  });
}

/** Of the nodes' platforms those that the image has; if it has none, that is found out when one is chosen. */
function candidates(wanted: Platforms, offered: readonly Platform[]): readonly Platform[] {
  if (wanted === 'all') return offered;
  const chosen = chosenPlatforms(wanted);
  if (!('anyOf' in wanted)) return chosen;
  const served = chosen.filter((platform) => offered.some((other) => serves(platform, other)));
  return served.length > 0 ? served : chosen.slice(0, 1);
}

/**
 * A Docker engine keeps one platform of an image under a name, so more than one cannot be had.
 * @throws BootstrapError `image-platform-missing`
 */
export function onePlatform(source: string, wanted: readonly Platform[]): Platform {
  const [platform] = wanted;
  if (platform !== undefined && wanted.length === 1) return platform;
  throw new BootstrapError({
    code: 'image-platform-missing',
    what: `mirror ${source} with the docker engine`,
    why: `that engine keeps one platform of an image, and ${wanted.map(formatPlatform).join(', ') || 'none'} are wanted`,
    hint: 'Use --engine registry, or choose one with --platform.',
  });
}
