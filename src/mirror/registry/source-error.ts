import { BootstrapError } from '../../core/errors.ts';
import { originOf, type WantedImage } from '../../images/wanted.ts';
import { yamlText } from '../../images/naming.ts';
import { parseReference } from '../../images/reference.ts';
import { RegistryError } from '../../clients/registry/errors.ts';

/** Error codes of registries, with any status, for an image that they do not have. */
const missingCodes = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'NOT_FOUND']);

/**
 * Waits for the source's reply about an image and explains its rejections: the image does not exist, or the registry
 * requires a login and does not reveal whether it exists.
 * @throws BootstrapError `image-missing`, RegistryError
 */
export async function fromSource<T>(image: WantedImage, reply: Promise<T | undefined>): Promise<T> {
  let found: T | undefined;
  try {
    found = await reply;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.failure.codes?.some((code) => missingCodes.has(code))) throw missing(image);
    throw error.code === 'registry-denied' ? denied(image, error) : error;
  }
  if (found === undefined) throw missing(image);
  return found;
}

function missing(image: WantedImage): BootstrapError {
  const { host } = parseReference(originOf(image));
  return new BootstrapError({
    code: 'image-missing',
    what: `could not look up ${image.source}`,
    why: `${host} has no such image`,
    hint: fixFor(image),
  });
}

function denied(image: WantedImage, error: RegistryError): RegistryError {
  const { code, why, failure } = error;
  return new RegistryError(
    {
      code,
      what: `could not look up ${image.source}`,
      why: `${why}; the image may not exist, or requires a login`,
      hint: `${error.hint.replace(/\.?$/, '.')} ${fixFor(image)}`,
    },
    failure,
    { cause: error },
  );
}

/** Depends on where the image is requested. */
function fixFor({ source, wantedBy }: WantedImage): string {
  if (wantedBy.includes('operator')) return 'Run the same command again later.';
  if (wantedBy.includes('config')) return `Fix or remove ${source} under images.list.`;
  const [first] = wantedBy.filter((by) => /^[A-Z]\w* .+\//.test(by));
  if (first === undefined) return 'Check the name and the tag.';
  return `Fix the image reference in ${first}, or exclude the image with this line under images.exclude: \`- ${yamlText(source)}\``;
}
