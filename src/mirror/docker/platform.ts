import { BootstrapError } from '../../core/errors.ts';
import {
  chosenPlatforms,
  formatPlatform,
  type Platform,
  type Platforms,
  serves,
} from '../../core/platform.ts';

/**
 * Chooses one of the available platforms.
 * @throws BootstrapError `image-platform-missing`
 */
export function choosePlatform(source: string, wanted: Platforms, offered: readonly Platform[]): Platform {
  const platform = onePlatform(source, candidates(wanted, offered));
  if (offered.some((other) => serves(platform, other))) return platform;
  throw new BootstrapError({
    code: 'image-platform-missing',
    what: `could not mirror ${source} for ${formatPlatform(platform)}`,
    why: `the image is available for ${offered.map(formatPlatform).join(', ') || 'no platform'} only`,
    hint: 'Choose a platform that the image has with --platform.',
  });
}

/** The wanted platforms that the image has; the first wanted one if it has none. */
function candidates(wanted: Platforms, offered: readonly Platform[]): readonly Platform[] {
  if (wanted === 'all') return offered;
  const chosen = chosenPlatforms(wanted);
  if (!('anyOf' in wanted)) return chosen;
  const served = chosen.filter((platform) => offered.some((other) => serves(platform, other)));
  return served.length > 0 ? served : chosen.slice(0, 1);
}

/**
 * A Docker engine stores one platform of an image under a name, so it cannot mirror more than one.
 * @throws BootstrapError `image-platform-missing`
 */
export function onePlatform(source: string, wanted: readonly Platform[]): Platform {
  const [platform] = wanted;
  if (platform !== undefined && wanted.length === 1) return platform;
  throw new BootstrapError({
    code: 'image-platform-missing',
    what: `could not mirror ${source} with the Docker engine`,
    why: `the Docker engine stores one platform of an image, but the run asks for ${wanted.map(formatPlatform).join(', ') || 'none'}`,
    hint: 'Use --engine registry, or choose one platform with --platform.',
  });
}
