import { BootstrapError } from '../../core/errors.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { yamlText } from '../../images/naming.ts';
import { parseReference } from '../../images/reference.ts';
import { RegistryError } from '../../clients/registry/errors.ts';

/** How registries say, with whatever status, that they do not have an image. */
const unknown = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'NOT_FOUND']);

/**
 * Waits for what the source says of an image, and explains its refusals: it does not have the image, or it wants a login
 * and does not say whether it has it.
 * @throws BootstrapError `image-missing`, RegistryError
 */
export async function fromSource<T>(image: WantedImage, answer: Promise<T | undefined>): Promise<T> {
  let found: T | undefined;
  try {
    found = await answer;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.failure.codes?.some((code) => unknown.has(code))) throw missing(image);
    throw error.code === 'registry-denied' ? denied(image, error) : error;
  }
  if (found === undefined) throw missing(image);
  return found;
}

function missing(image: WantedImage): BootstrapError {
  const { host } = parseReference(image.source);
  return new BootstrapError({
    code: 'image-missing',
    what: `look up ${image.source}`,
    why: `${host} has no such image`,
    hint: fixFor(image),
  });
}

function denied(image: WantedImage, error: RegistryError): RegistryError {
  const { code, why, failure } = error;
  return new RegistryError(
    {
      code,
      what: `look up ${image.source}`,
      why: `${why}; it may not exist or needs a login`,
      hint: `${error.hint.replace(/\.$/, '')}. ${fixFor(image)}`,
    },
    failure,
    { cause: error },
  );
}

/** By where the image is asked for. */
function fixFor({ source, wantedBy }: WantedImage): string {
  if (wantedBy.includes('operator')) return 'Run the same command again later.';
  if (wantedBy.includes('config')) return `Correct or remove ${source} under images.list.`;
  const [first] = wantedBy.filter((by) => /^[A-Z]\w* .+\//.test(by));
  if (first === undefined) return 'Check the name and the tag.';
  return `Fix ${first}, or leave it out with this line under images.exclude: \`- ${yamlText(source)}\``;
}
