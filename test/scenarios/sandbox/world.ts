import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, createCluster } from '../../../sandbox/cluster/index.ts';
import { type Cli, openCli, type RunOptions } from '../../support/cli.ts';
import { clients, dispatcher, send } from '../../unit/sandbox/support.ts';
import { describeAccount, resetAccount } from '../account.ts';
import { startPod } from '../pods.ts';
import { deployment, referenceInEcr, workloads } from '../site.ts';
import type { AwsKey, NodeShell, World } from '../world.ts';
import { SandboxClusterClient, unsupported } from './cluster-client.ts';

const project = 'demo';
const secondHost = 'second.sandbox:6443';

/** The images of the lab's public registries that the sandbox does not have by itself. */
const images = [
  ['docker.io', 'library/nginx', '1.28'],
  ['docker.io', 'library/redis', '8'],
  ['quay.io', 'prometheus/node-exporter', 'v1.9.1'],
  ['registry.k8s.io', 'coredns/coredns', 'v1.12.1'],
] as const;

interface OpenedWorld {
  readonly world: World;
  readonly close: () => Promise<void>;
}

/** Opens a sandbox in this process for one file of scenarios. Waiting moves its clock. */
export async function openSandboxWorld(untouched: boolean): Promise<OpenedWorld> {
  const cli = await openCli({}, { fast: true });
  const { cluster, clusterUrl, sources } = cli.world;
  const platforms = ['linux/amd64', 'linux/arm64'];
  for (const [host, name, tag] of images) sources.get(host)?.seed(name, tag, { platforms });
  const worlds = new SandboxWorlds(cli);
  try {
    const world = worlds.worldOf(cluster, clusterUrl);
    // The sandbox has its own workloads with these names.
    await world.cluster.remove('deployment', 'web', 'shop');
    await world.cluster.remove('statefulset', 'prometheus', 'monitoring');
    if (!untouched)
      await world.cluster.apply(...workloads.map((workload) => pullingFromEcr(world, workload)));
    return { world, close: () => worlds.close() };
  } catch (error) {
    await worlds.close();
    throw error;
  }
}

/** A workload that works with ECR as soon as the images and the pull secret of its namespace exist. */
function pullingFromEcr(world: World, workload: (typeof workloads)[number]): object {
  const { spec, ...rest } = deployment({ ...workload, image: referenceInEcr(world, workload.image) });
  const { template } = spec;
  const pod = { ...template.spec, imagePullSecrets: [{ name: 'puller' }] };
  return { ...rest, spec: { ...spec, template: { ...template, spec: pod } } };
}

/** What the sandbox models of a configuration of containerd. */
const readsMirrors = {
  default: undefined,
  'one config_path': true,
  'local pull': true,
  'other config_path': false,
} as const;

function sandboxNode(cluster: Cluster, name: string): NodeShell {
  const machine = cluster.machine(name);
  return {
    name,
    async files() {
      await cluster.settled();
      return machine.files;
    },
    async writeFile(path, text) {
      machine.writeFile(path, text);
      await cluster.settled();
    },
    async removeFile(path) {
      machine.removeFile(path);
      await cluster.settled();
    },
    removeImages: async () => machine.removeImages(),
    async stopStaticPods() {
      const restore = machine.stopStaticPods();
      await cluster.settled();
      return async () => restore();
    },
    setReadsMirrors: async (yes) => machine.setReadsMirrors(yes ? undefined : false),
    configureContainerd: async (variant) => machine.setReadsMirrors(readsMirrors[variant]),
    killAgent: async () => machine.killAgent(),
    async suspendAgent() {
      const resume = machine.suspendAgent();
      return async () => resume();
    },
    runScript: unsupported('run scripts on its nodes'),
  };
}

/** The worlds of one sandbox: one per cluster, with a shared account and laptop. */
class SandboxWorlds {
  readonly #cli: Cli;
  readonly #config: string;
  readonly #clusters: Cluster[] = [];
  readonly #endings: (() => Promise<void> | void)[] = [];
  readonly #printed: string[] = [];

  constructor(cli: Cli) {
    this.#cli = cli;
    this.#config = join(cli.folder, 'ecr-bootstrap.yaml');
  }

  worldOf(cluster: Cluster, server: string): World {
    const { world: sandbox, folder } = this.#cli;
    const { clock, faults, region, registryHost: registry, aws } = sandbox;
    const clusterClient = new SandboxClusterClient(sandbox, cluster, server);
    const through = dispatcher(sandbox);
    this.#clusters.push(cluster);
    this.#endings.push(() => clusterClient.close());
    this.#endings.push(() => through.close());

    const KUBECONFIG = join(folder, `kubeconfig-${this.#clusters.length}`);
    writeFileSync(KUBECONFIG, cluster.kubeconfig(server, sandbox.caPem), { mode: 0o600 });
    const run = async (args: readonly string[], env: RunOptions['env'] = {}) => {
      const settings = { ECR_BOOTSTRAP_CONFIG: this.#config, ECR_BOOTSTRAP_PROJECT: undefined };
      const ran = await this.#cli.run(args, {
        env: { ...settings, ECR_BOOTSTRAP_ACCOUNT_ID: undefined, KUBECONFIG, ...env },
      });
      this.#printed.push(`ecr-bootstrap ${args.join(' ')}`, ran.stderr, ran.stdout);
      return ran;
    };
    const awsAs = ({ accessKeyId, secretAccessKey }: AwsKey) => {
      const { ecr, iam, secrets } = clients(sandbox, { accessKeyId, secretAccessKey });
      return { ecr, iam, secrets };
    };
    return {
      name: 'sandbox',
      registry,
      project,
      cluster: clusterClient,
      nodes: cluster.list('Node').map(({ metadata }) => sandboxNode(cluster, metadata.name)),
      aws: awsAs(sandbox.admin),
      awsAs,
      async sendRequest(method, url, headers, body) {
        const { status } = await send(through, method, url, headers, body);
        return status;
      },
      run: (...args) => run(args),
      runAs: ({ accessKeyId, secretAccessKey }, ...args) =>
        run(args, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }),
      runOutside: (...args) =>
        run(args, {
          KUBECONFIG: '/nonexistent/kubeconfig',
          AWS_ACCESS_KEY_ID: undefined,
          AWS_SECRET_ACCESS_KEY: undefined,
        }),
      runAndKill: unsupported('kill the process that it is in'),
      runAndKillAt: unsupported('kill the process that it is in'),
      async reset({ keepOperator = false } = {}) {
        if (keepOperator) unsupported('keep the operator')();
        const { code, stdout, stderr } = await run(['down', '--yes']);
        if (code !== 0) throw new Error(`down failed:\n${stderr}${stdout}`);
        resetAccount(sandbox);
      },
      describeAccount: async () => describeAccount(sandbox),
      printed: async () => this.#printed.join('\n'),
      secrets: async () => [...aws.identities.givenOut, ...aws.registry.tokens.givenOut],
      configure: async (settings) => {
        writeFileSync(this.#config, JSON.stringify({ project, aws: { region }, ...settings }));
      },
      writeFile: async (name, text) => writeFileSync(join(folder, name), text),
      startPod: (...args) => startPod(clusterClient, ...args),
      readDigests: unsupported('run skopeo'),
      copyImage: unsupported('run skopeo'),
      async setTokenLifetime(seconds) {
        aws.registry.tokens.life = seconds * 1000;
      },
      async breakAws() {
        const services = ['ecr', 'iam', 'secretsmanager', 'sts', 'registry', 'storage'] as const;
        const undos = services.map((service) => faults.plan({ kind: 'error', service }));
        return async () => undos.forEach((undo) => undo());
      },
      async breakInternet() {
        const undo = faults.plan({ kind: 'reset', service: 'source' });
        return async () => void undo();
      },
      async removeNodeImages() {
        for (const { metadata } of cluster.list('Node')) {
          cluster.machine(metadata.name).removeImages(({ reference }) => !reference.path.endsWith('pause'));
        }
      },
      requestedNames: unsupported('list the DNS names of its cluster'),
      nodeRequests: unsupported('list the requests of its nodes'),
      switchOff: unsupported('switch off its machine'),
      addMachine: unsupported('add a machine'),
      serveAdmissionPolicies: unsupported('restart its API server'),
      startSecondCluster: async () => this.#startSecondCluster(),
      stopSecondCluster: async () => this.#clusters.pop()?.close(),
      now: () => clock.now(),
      advanceTime: (seconds) => this.#pass(seconds),
    };
  }

  async close(): Promise<void> {
    for (const end of this.#endings) await end();
    await this.#cli.close();
  }

  #startSecondCluster(): World {
    const { clock, faults, awsForCluster: aws, images: source, hosts } = this.#cli.world;
    const cluster = createCluster({ clock, faults, aws, images: source, admissionPolicies: 'v1' });
    hosts.set(secondHost, (request, response) => cluster.handler(request, response));
    this.#endings.push(() => cluster.close());
    return this.worldOf(cluster, `https://${secondHost}`);
  }

  /** Moves the clock in steps of a second, so that the operator can renew tokens in between. */
  #pass(seconds: number): Promise<void> {
    const settled = () => Promise.all(this.#clusters.map((cluster) => cluster.settled()));
    return this.#cli.world.clock.pass(seconds * 1000, 1000, settled);
  }
}
