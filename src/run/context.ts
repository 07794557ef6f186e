import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type AskMfaCode, createAws } from '../clients/aws/index.ts';
import type { Clock } from '../core/clock.ts';
import { createCluster } from '../clients/kubernetes/index.ts';
import type { ClusterPort } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import type { DockerPort } from '../clients/docker/port.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Platforms } from '../core/platform.ts';
import { configuredHosts, wantedImages } from '../images/wanted.ts';
import { createInventory } from '../cluster/inventory.ts';
import { createOperatorSource } from '../external-secrets/release/source.ts';
import type { Engine } from '../mirror/engine.ts';
import { pauseImages } from '../nodes/access.ts';
import { createLayoutMirror, createMirror, type DockerServices, type Mirror } from '../mirror/index.ts';
import { Layout } from '../mirror/layout/layout.ts';
import { readOperatorYaml } from '../mirror/layout/operator-yaml.ts';
import { createNet } from '../clients/net/index.ts';
import { once, onceFulfilled } from '../core/once.ts';
import { cacheFolder } from '../core/paths.ts';
import type { Context } from '../steps/context.ts';
import { annotations, operatorNamespace } from '../core/ownership.ts';
import { refuseOtherAccount } from './account.ts';
import { isUnreachable, sourcesIfReachable } from './collect-images.ts';
import type { GlobalFlags, Runtime } from './runtime.ts';

/** The context of a run, with what only commands use. */
export interface RunContext extends Context {
  /** The client of the Docker engine. Creating it sends no request. */
  readonly docker: () => Promise<DockerPort>;
  /** The layout of `--from`. */
  readonly from: Layout | undefined;
  /** The layout of `--to`. */
  readonly to: LayoutTarget | undefined;
  readonly close: () => Promise<void>;
}

/** A layout, and what copies images to it. */
interface LayoutTarget extends Pick<Mirror, 'plan' | 'copy'> {
  readonly layout: Layout;
}

/** The composition root: creates each client when it is first used. */
export function createContext(
  config: Config,
  flags: Pick<GlobalFlags, 'dockerHost' | 'insecureRegistry' | 'from' | 'to' | 'fromCluster'>,
  runtime: Pick<Runtime, 'clock' | 'cwd' | 'env' | 'ca' | 'net'>,
  askMfaCode?: AskMfaCode,
): RunContext {
  const { clock, env } = runtime;
  const net = runtime.net ?? createNet(runtime.ca, env);
  const aws = once(() => createAws({ ...config.aws, net, askMfaCode }));
  const cluster = once(() => createCluster({ ...config.cluster, net, clock }));
  const docker = onceFulfilled(() => findDocker(flags.dockerHost, env));
  const [from, to] = [flags.from, flags.to].map((name) => openLayout(name, runtime.cwd));
  const sources = {
    net,
    clock,
    env,
    insecure: flags.insecureRegistry ?? [],
    listed: configuredHosts(config.images.list, config.images),
  };
  const mirror = once(() =>
    createMirror({ ...sources, ecr: aws().ecr, from, docker: (open) => openDocker(open, docker, clock) }),
  );
  const cacheDir = cacheFolder(env);
  const layout = from && { name: from.name, operatorYaml: () => readOperatorYaml(from) };
  const operatorSource = once(() =>
    createOperatorSource({ config: config.externalSecrets, net, cacheDir, layout }),
  );

  const close = async (): Promise<void> => {
    await cluster().close();
    if (!runtime.net) await net.close();
  };

  const observe = (usesKey: boolean): RunContext => {
    const inventory = once(() => createInventory(cluster(), config));
    const wanted = once(async () =>
      wantedImages({
        naming: { project: config.project, map: config.images.map },
        registryHost: await context.registryHost(),
        list: config.images.list,
        exclude: config.images.exclude,
        workloads: await sourcesIfReachable(context),
        agent: config.nodes.image,
        pause: await pauseImages(context),
      }),
    );
    const platforms = once(() => wantedPlatforms(context));
    const registryHost = once(() => (to ? exportedHost(context, flags) : guardedRegistryHost(context)));
    const context: RunContext = {
      config,
      clock,
      get aws() {
        return aws();
      },
      get cluster() {
        return cluster();
      },
      get inventory() {
        return inventory();
      },
      get mirror() {
        return mirror();
      },
      get operatorSource() {
        return operatorSource();
      },
      wantedImages: wanted,
      platforms,
      registryHost,
      isLoginAccepted: async (host, login, repository) =>
        (await import('../clients/registry/token-check.ts')).isLoginAccepted(net, {
          host,
          login,
          repository,
        }),
      usesKey,
      fresh: (change) => observe(change?.usesKey ?? usesKey),
      docker,
      from,
      to: to && { layout: to, ...createLayoutMirror(sources, to) },
      close,
    };
    return context;
  };
  return observe(false);
}

async function findDocker(host: string | undefined, env: Runtime['env']): Promise<DockerPort> {
  const { connectDocker } = await import('../clients/docker/index.ts');
  return connectDocker({ host, env, home: env['HOME'] ?? homedir() });
}

async function openDocker(
  parts: DockerServices,
  docker: () => Promise<DockerPort>,
  clock: Clock,
): Promise<Engine> {
  const { createDockerEngine } = await import('../mirror/docker/engine.ts');
  return createDockerEngine({ ...parts, docker, clock });
}

/** `cluster` means all platforms only without a kubeconfig: an unreachable cluster is an error. */
async function wantedPlatforms({ config, inventory }: Context): Promise<Platforms> {
  const { platforms } = config.images;
  if (platforms !== 'cluster') return platforms;
  const { kubeconfig, context } = config.cluster;
  try {
    const anyOf = await inventory.platforms();
    // Later nodes may have any platform.
    return anyOf.length > 0 ? { anyOf } : 'all';
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    if (error.code === 'cluster-unconfigured' && kubeconfig === undefined && context === undefined)
      return 'all';
    throw new BootstrapError(
      {
        code: 'platform-unknown',
        what: "could not read the nodes' platforms",
        why: error.message,
        hint:
          error.code === 'cluster-denied'
            ? error.hint
            : `Check that the cluster is reachable, or pass --platform linux/amd64 (or a list, or all)${
                isUnreachable(error) ? '; images that only its workloads reference are then skipped' : ''
              }.`,
      },
      { cause: error },
    );
  }
}

/** The host of the registry, which begins with its account. @throws BootstrapError `account-mismatch` */
async function guardedRegistryHost(context: Context): Promise<string> {
  const host = await findRegistryHost(context);
  const [account = ''] = host.split('.');
  refuseOtherAccount(context.config, account, `registry ${host} belongs to account ${account}`);
  return host;
}

/**
 * The host from ECR, or, while AWS is unreachable or rejects the caller, the one that the last run stored in
 * the cluster.
 */
async function findRegistryHost({ aws, cluster }: Context): Promise<string> {
  try {
    return await aws.ecr.registryHost();
  } catch (error) {
    // The stored host has the right region, and would hide that the configured region is wrong.
    if (!(error instanceof BootstrapError) || error.code === 'region-invalid') throw error;
    const stored = await storedHost(cluster);
    if (stored === undefined) throw error;
    return stored;
  }
}

/** An export uses no AWS. In a cluster, the host shows which images are copies in ECR. */
const exportedHost = async (
  { cluster }: Context,
  { fromCluster = false }: Pick<GlobalFlags, 'fromCluster'>,
): Promise<string> => (fromCluster ? await storedHost(cluster) : undefined) ?? '';

function openLayout(name: string | undefined, cwd: string): Layout | undefined {
  return name === undefined ? undefined : new Layout(resolve(cwd, name.replace(/^oci:/, '')), name);
}

/** Undefined if the cluster does not have it or cannot be read. The caller then reports the error of AWS. */
async function storedHost(cluster: ClusterPort): Promise<string | undefined> {
  try {
    const namespace = await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: operatorNamespace });
    return namespace?.metadata.annotations?.[annotations.registryHost];
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
