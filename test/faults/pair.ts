import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, createCluster } from '../../sandbox/cluster/index.ts';
import type { KubeObject } from '../../sandbox/cluster/objects.ts';
import { forgetSecrets } from '../../src/core/secret.ts';
import { type Cli, openCli, type CliResult, type RunOptions } from '../support/cli.ts';
import { saveAws } from '../support/world-state.ts';

export type Name = 'first' | 'second';

export const names: readonly Name[] = ['first', 'second'];

/** Two clusters of one project, which share an AWS account. */
export class Pair {
  readonly cli: Cli;
  readonly clusters: Readonly<Record<Name, Cluster>>;
  readonly #env: Readonly<Record<Name, Readonly<Record<string, string>>>>;

  private constructor(cli: Cli, second: Cluster, kubeconfig: string) {
    this.cli = cli;
    this.clusters = { first: cli.world.cluster, second };
    this.#env = { first: {}, second: { KUBECONFIG: kubeconfig } };
  }

  static async open(config: string): Promise<Pair> {
    const cli = await openCli({}, { fast: true, config });
    const { clock, faults, awsForCluster, images, hosts, caPem } = cli.world;
    const cluster = createCluster({ clock, faults, aws: awsForCluster, images, admissionPolicies: 'v1' });
    const host = 'second.sandbox:6443';
    hosts.set(host, (request, response) => cluster.handler(request, response));
    const kubeconfig = join(cli.folder, 'kubeconfig-second');
    writeFileSync(kubeconfig, cluster.kubeconfig(`https://${host}`, caPem), { mode: 0o600 });
    return new Pair(cli, cluster, kubeconfig);
  }

  async run(name: Name, command: string, options: RunOptions = {}): Promise<CliResult> {
    forgetSecrets();
    const ran = await this.cli.run(command, { ...options, env: { ...this.#env[name], ...options.env } });
    await this.settled();
    return ran;
  }

  async settled(): Promise<void> {
    for (const name of names) await this.clusters[name].settled();
  }

  /** Saves the state of AWS and of both clusters. @returns a function that restores it, except for the clock */
  save(): () => Promise<void> {
    const restore = [saveAws(this.cli.world.aws), ...names.map((name) => this.clusters[name].save())];
    return async () => {
      for (const putBack of restore) putBack();
      await this.settled();
    };
  }

  /** The id of the access key that a cluster holds. */
  keyIn(name: Name): string | undefined {
    const secret = this.clusters[name].get('Secret', 'image-puller', 'external-secrets');
    return secret && decode(secret, 'AWS_ACCESS_KEY_ID');
  }

  /** The registry tokens of a cluster, by namespace. */
  tokensIn(name: Name): Map<string, string> {
    const copies = this.clusters[name].list('Secret').filter(({ metadata }) => metadata.name === 'puller');
    return new Map(
      copies.flatMap((copy) => {
        const token = tokenIn(decode(copy, '.dockerconfigjson') ?? '{}');
        return token === undefined ? [] : [[copy.metadata.namespace ?? '', token] as const];
      }),
    );
  }

  /** The access key that the cluster is registered with. */
  registeredKeyOf(name: Name): string | undefined {
    const uid = this.clusters[name].get('Namespace', 'kube-system')?.metadata.uid ?? '';
    const tags = this.cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags;
    return tags?.get(`ecr-bootstrap:cluster/${uid}`)?.split(' ')[0];
  }

  close(): Promise<void> {
    this.clusters.second.close();
    return this.cli.close();
  }
}

function decode(secret: KubeObject, field: string): string | undefined {
  const { data } = secret as { data?: Record<string, string> };
  const value = data?.[field];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}

function tokenIn(config: string): string | undefined {
  const { auths = {} } = JSON.parse(config) as { auths?: Record<string, { auth?: string }> };
  const [entry] = Object.values(auths);
  return entry?.auth === undefined
    ? undefined
    : Buffer.from(entry.auth, 'base64').toString().slice('AWS:'.length);
}
