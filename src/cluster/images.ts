import type { ClusterPort, Kind, KubeObject, ListOptions } from '../clients/kubernetes/port.ts';
import { readYaml } from '../clients/kubernetes/yaml.ts';
import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';
import { type FieldPath, parseFieldPath, valuesAt } from '../core/field-path.ts';
import { imageIdsOf, imagesOf, isFinished, withoutDetails } from './workloads.ts';

/** An object that names images. */
export interface ImageSource {
  readonly kind: string;
  /** Empty for an object without a namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
}

/** Images that could not be read. */
export interface UnreadImages {
  /** `could not list cronjobs`. */
  readonly what: string;
  readonly why: string;
  readonly hint: string;
  /** A whole kind was not read, so it is unknown which images are in use. */
  readonly isBlind: boolean;
}

const rightsHint =
  'Ask an administrator to grant the permissions that this prints: ecr-bootstrap policy cluster';
const fieldsHint = 'Correct images.fields in ecr-bootstrap.yaml.';

export const unreadText = ({ what, why }: UnreadImages): string => `${what}: ${why}`;

/** Each with another text. */
export const distinct = (unread: readonly UnreadImages[]): readonly UnreadImages[] => [
  ...new Map(unread.map((one) => [unreadText(one), one])).values(),
];

/** Objects of one kind, or why they are hidden. */
export interface Listed {
  readonly objects: readonly KubeObject[];
  readonly unread: readonly UnreadImages[];
}

/** Lists the objects of a kind, and none if the user may not. */
export const listIfAllowed = (
  cluster: ClusterPort,
  kind: Kind,
  options: ListOptions = { reduce: withoutDetails },
): Promise<Listed> => asListed(() => cluster.list(kind, options));

export async function asListed(list: () => Promise<readonly KubeObject[]>): Promise<Listed> {
  try {
    return { objects: await list(), unread: [] };
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'cluster-denied') throw error;
    return { objects: [], unread: [{ what: error.what, why: error.why, hint: rightsHint, isBlind: true }] };
  }
}

export const sourceIn = (object: KubeObject): ImageSource => ({
  kind: object.kind,
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name,
  images: imagesOf(object),
});

/** The images that fields of custom resources name, by the setting `images.fields`. */
export async function imagesInFields(
  cluster: ClusterPort,
  { images: { fields } }: Pick<Config, 'images'>,
): Promise<{ readonly sources: readonly ImageSource[]; readonly unread: readonly UnreadImages[] }> {
  const read = await Promise.all(
    Object.entries(fields).map(([resource, paths]) => imagesOfKind(cluster, resource, paths)),
  );
  return { sources: read.flatMap(({ sources }) => sources), unread: read.flatMap(({ unread }) => unread) };
}

async function imagesOfKind(cluster: ClusterPort, resource: string, texts: readonly string[]) {
  const kind = await cluster.kindOf(resource);
  if (!kind) {
    const what = `images.fields has ${resource}`;
    const unserved = { what, why: 'the cluster does not serve it', hint: fieldsHint, isBlind: true };
    return { sources: [], unread: [unserved] };
  }
  const paths = texts.flatMap((text) => {
    const path = parseFieldPath(text);
    return path ? [path] : [];
  });
  // The first value that is no reference stands for all of them.
  const odd: string[] = [];
  const reduce = (object: KubeObject): KubeObject => withImages(object, paths, odd);
  const { objects, unread } = await listIfAllowed(cluster, kind, { reduce });
  const sources = objects.map(({ images, ...object }) => ({
    ...sourceIn(object),
    images: images as readonly string[],
  }));
  return { sources, unread: [...unread, ...oddValues(odd)] };
}

function oddValues([first, ...others]: readonly string[]): UnreadImages[] {
  if (first === undefined) return [];
  return [
    {
      what: `skipped ${first}${others.length > 0 ? ` and ${others.length} more` : ''}, named by images.fields`,
      why: 'only image references are read, no templates, variables, numbers or objects',
      hint: fieldsHint,
      isBlind: false,
    },
  ];
}

/** A template or a variable that the controller of the resource replaces. */
const isTemplate = (text: string): boolean => /[{}$\s]/.test(text);

/** Characters of a value in a message. */
const maxShown = 60;

function withImages(object: KubeObject, paths: readonly FieldPath[], odd: string[]): KubeObject {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace = '' } = metadata;
  const images = new Set<string>();
  for (const value of paths.flatMap((path) => valuesAt(path, object))) {
    if (value === '') continue;
    if (typeof value === 'string' && !isTemplate(value)) images.add(value);
    else {
      const shown = JSON.stringify(value);
      odd.push(
        `${shown.length > maxShown ? `${shown.slice(0, maxShown)}…` : shown} in ${kind} ${namespace}/${name}`,
      );
    }
  }
  return { apiVersion, kind, metadata: { name, namespace }, images: [...images] };
}

/** kubeadm creates it on every cluster: kubeadm's documentation, "Implementation details". */
export const kubeadmConfig = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'kube-system',
  name: 'kubeadm-config',
} as const;

/**
 * The images of kubeadm's version and repository: what a node gets that joins while the cluster is upgraded. Only those of
 * components that the cluster runs, because kube-proxy can be missing.
 */
export async function kubeadmImages(
  config: KubeObject | undefined,
  used: readonly ImageSource[],
): Promise<readonly ImageSource[]> {
  const { data } = (config ?? {}) as { readonly data?: { readonly ClusterConfiguration?: unknown } };
  const text = typeof data?.ClusterConfiguration === 'string' ? data.ClusterConfiguration : '';
  // kubeadm does not start with one that it cannot read.
  const values = await readYaml(text).catch(() => undefined);
  const { imageRepository, kubernetesVersion } = (values ?? {}) as Readonly<Record<string, unknown>>;
  const [repository, version] = [imageRepository, kubernetesVersion].map((value) =>
    typeof value === 'string' && /^[\w./:+-]+$/.test(value) ? value : undefined,
  );
  if (repository === undefined || version === undefined) return [];
  const prefix = `${repository}/kube-`;
  const running = new Set(used.flatMap(({ images }) => images).filter((image) => image.startsWith(prefix)));
  const wanted = [...running].flatMap((image) => {
    const [, component] = /^([a-z-]+):v\d[^@]*$/.exec(image.slice(prefix.length)) ?? [];
    // In a tag, kubeadm writes _ for the + of a build.
    return component === undefined ? [] : [`${prefix}${component}:${version.replace('+', '_')}`];
  });
  const images = [...new Set(wanted)].filter((image) => !running.has(image));
  const { kind, namespace, name } = kubeadmConfig;
  return images.length === 0 ? [] : [{ kind, namespace, name, images }];
}

/** The images of the runtimes of pods that have not ended, as the nodes report them. */
export const runningIn = (pods: readonly KubeObject[]): readonly string[] => [
  ...new Set(pods.filter((pod) => !isFinished(pod)).flatMap(imageIdsOf)),
];
