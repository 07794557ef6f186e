import { secretValue, workloads } from './site.ts';
import type { Pod } from './site.ts';
import { waitFor } from './wait.ts';
import type { KubeObject, World } from './world.ts';

interface RunningPod extends Pod {
  readonly status: Pod['status'] & {
    readonly containerStatuses?: readonly { readonly state: { readonly running?: object } }[];
  };
}

/**
 * A configuration with node access, in which tokens are renewed so often that a scenario can wait for it. The agent needs
 * up to ten seconds to follow, and is ready only if a readiness probe, every ten seconds, comes before the next renewal.
 */
export const nodeAccessConfig = {
  images: { list: workloads.map(({ image }) => image) },
  nodes: { access: 'on' },
  pullSecret: { renewEvery: '15s', copyEvery: '5s' },
};

const isStatic = ({ metadata }: KubeObject) =>
  metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;

const isOwned = ({ metadata }: Pod): boolean => (metadata.ownerReferences ?? []).length > 0;

/**
 * The images of public registries in the cluster's pods, each once. Pods that nothing recreates are left out. So are
 * images in ECR, which workloads of earlier scenarios use until their rollouts end.
 */
export async function publicImages({ cluster, registry }: World): Promise<readonly string[]> {
  const pods = (await cluster.list<Pod>('pods')).filter((pod) => isStatic(pod) || isOwned(pod));
  const images = pods.flatMap(({ spec }) => spec.containers.map(({ image }) => image));
  return [...new Set(images)].filter((image) => !image.startsWith(`${registry}/`)).sort();
}

/**
 * Removes every image from every node, the pause image too, and restarts all pods: static pods by their manifests, the
 * others by deleting them.
 */
export async function removeEveryImage({ cluster, nodes }: World): Promise<void> {
  for (const node of nodes) await node.removeImages();
  const restores = await Promise.all(nodes.map((node) => node.stopStaticPods()));
  const pods = (await cluster.list('pods')).filter((pod) => !isStatic(pod));
  await Promise.all(pods.map(({ metadata }) => cluster.remove('pod', metadata.name, metadata.namespace)));
  for (const restore of restores) await restore();
}

/** Whether the API server answers; undefined if not. */
export const apiServerAnswers = ({ cluster }: World): Promise<true | undefined> =>
  cluster.list('nodes').then(
    () => true,
    () => undefined,
  );

const host = 'registry.k8s.io';

type Files = Readonly<Record<string, string>>;

/**
 * Waits until the mirror files of every node have a valid token with this lifetime.
 * @param haveToken whether the files of a node have the token of the file in the Secret; by default those of containerd
 */
export async function waitForNodeTokens(
  world: World,
  lifetimeSeconds: number,
  haveToken = (files: Files, published: string) =>
    files[`/etc/containerd/certs.d/${host}/hosts.toml`] === published,
): Promise<void> {
  const published = (key: string) => secretValue(world, 'ecr-bootstrap', 'node-access', key);
  const short = new Set<string>();
  await waitFor('short-lived tokens on every node', async () => {
    // Files follow the Secret with a delay, so they may differ from it at every read.
    const secondsLeft = Number(await published('expires_at')) - world.now() / 1000;
    if (secondsLeft > 0 && secondsLeft < lifetimeSeconds + 5) short.add((await published(host)) ?? '');
    const files = await Promise.all(world.nodes.map((node) => node.files()));
    if (files.every((each) => [...short].some((text) => haveToken(each, text)))) return true;
    // The tokens are renewed by the clock of the world.
    await world.advanceTime(1);
    return undefined;
  });
}

/** Waits until every container of the cluster runs, and there is at least one of each image. */
export async function waitForContainers(
  world: World,
  images: readonly string[],
  timeoutSeconds = 120,
): Promise<void> {
  let last = '';
  await waitFor(
    'all containers',
    async () => {
      const pods = await world.cluster.list<RunningPod>('pods');
      const stopped = pods.filter(({ spec, status: { containerStatuses = [] } }) => {
        const running = containerStatuses.filter(({ state }) => state.running !== undefined);
        return running.length < spec.containers.length;
      });
      const named = await publicImages(world);
      const missing = images.filter((image) => !named.includes(image));
      last = [...stopped.map(({ metadata }) => metadata.name), ...missing].join(' ');
      return last === '' || undefined;
    },
    timeoutSeconds,
  ).catch((error: unknown) => {
    throw new Error(`not running: ${last}`, { cause: error });
  });
}
