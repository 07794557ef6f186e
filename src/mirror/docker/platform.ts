import { BootstrapError } from '../../errors/index.ts';
import { formatPlatform, parsePlatform, serves, type Platform } from '../../images/platform.ts';
import type { Platforms } from '../../images/port.ts';

/**
 * The one platform to take. A Docker engine keeps one platform of an image under a name, so more than one cannot
 * be had.
 * @param offered the platforms that there are
 * @throws BootstrapError `image-platform-missing`
 */
export function choosePlatform(source: string, wanted: Platforms, offered: readonly Platform[]): Platform {
  const candidates = wanted === 'all' ? offered : wanted.map(parsePlatform);
  const [platform] = candidates;
  if (candidates.length > 1) {
    throw new BootstrapError({
      code: 'image-platform-missing',
      what: `mirror ${source} with the docker engine`,
      why: `that engine keeps one platform of an image, and ${list(candidates)} are wanted`,
      hint: 'Use --engine registry, or choose one with --platform.',
    });
  }
  if (platform && offered.some((other) => serves(platform, other))) return platform;
  throw new BootstrapError({
    code: 'image-platform-missing',
    what: `mirror ${source}${platform ? ` for ${formatPlatform(platform)}` : ''}`,
    why: offered.length > 0 ? `the image exists for ${list(offered)} only` : 'the image names no platform',
    hint: 'Choose a platform that the image has with --platform.',
  });
}

const list = (platforms: readonly Platform[]): string => platforms.map(formatPlatform).join(', ');
