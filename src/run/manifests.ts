import { readObjects } from '../clients/kubernetes/yaml.ts';
import { imageValuesOf, podSpecOf } from '../cluster/workloads.ts';
import { BootstrapError, reasonOf } from '../core/errors.ts';
import type { ImageUser, RejectedImage } from '../images/wanted.ts';
import { type InputFile, inputName, readInput, unusableInput } from './input-file.ts';
import type { Session } from './session.ts';

/** Characters of a value that is not a text. */
const maxShown = 100;
const render = 'Render templates first, for example with `helm template`, `kustomize build` or `envsubst`.';

/**
 * The images that Kubernetes manifests use, by object.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `manifests-invalid` for what kubectl would not apply, or an empty file
 */
export async function readManifests(session: Session, file: string): Promise<readonly ImageUser[]> {
  const input: InputFile = {
    file,
    flag: '--from-manifests',
    what: `could not read manifests from ${file === '-' ? inputName(file) : file}`,
    code: 'manifests-invalid',
    hint: render,
  };
  const users: ImageUser[] = [];
  let objects = 0;
  const text = await readInput(session, input);
  try {
    for await (const object of readObjects(text)) {
      session.signal.throwIfAborted();
      objects += 1;
      const { kind, metadata } = object;
      const { name, namespace } = metadata;
      const images = imageValuesOf(podSpecOf(object) ?? {}).map(textOf);
      if (images.length > 0) users.push({ kind, namespace: namespace ?? '', name, images });
    }
  } catch (error) {
    session.signal.throwIfAborted();
    throw unusableInput(input, reasonOf(error), error);
  }
  if (objects === 0) throw unusableInput(input, 'it has no Kubernetes object');
  return users;
}

/** A template that was not rendered may be parsed as any value. With its type, it is no reference. */
const textOf = (image: unknown): string =>
  typeof image === 'string' ? image : `${JSON.stringify(image).slice(0, maxShown)} (${typeof image})`;

/** The error for an image of a manifest that cannot be mirrored. */
export function manifestError({ reference, wantedBy, error }: RejectedImage): BootstrapError {
  const { code, what, why, hint } = error;
  const isTemplate = /[{}$]/.test(reference);
  return new BootstrapError(
    { code, what: `${wantedBy.join(' and ')}: ${what}`, why, hint: isTemplate ? render : hint },
    { cause: error },
  );
}
