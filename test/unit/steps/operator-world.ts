import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAws } from '../../../src/clients/aws/index.ts';
import type { AwsPort, KeyPair } from '../../../src/clients/aws/port.ts';
import { type Config, configSchema } from '../../../src/config/schema.ts';
import { createInventory } from '../../../src/cluster/inventory.ts';
import { createOperatorSource } from '../../../src/external-secrets/release/source.ts';
import { createNet } from '../../../src/clients/net/index.ts';
import { isLoginAccepted } from '../../../src/clients/registry/token-check.ts';
import type { ClusterOptions } from '../../../sandbox/cluster/index.ts';
import type { User } from '../../../sandbox/aws/identities.ts';
import { operatorManifest } from '../../../sandbox/world.ts';
import { buildImage, type ImageSeed } from '../../../sandbox/registry/image.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { Context } from '../../../src/steps/context.ts';
import { policyDocument } from '../../../src/iam/policies/documents.ts';
import { secretNames } from '../../../src/iam/names.ts';
import { pullSecretBootstrap } from '../../../src/steps/pull-secret-bootstrap.ts';
import { operatorCrds } from '../../../src/steps/operator-crds.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { createMirror } from '../../../src/mirror/index.ts';
import { awsTags } from '../../../src/iam/tags.ts';
import { applyStep, type StepWorld } from '../../contract/step-contract.ts';

export interface WorldOptions {
  readonly cluster?: Partial<ClusterOptions>;
  readonly externalSecrets?: Partial<Config['externalSecrets']>;
  /** Other settings of the configuration. */
  readonly settings?: object;
  /** The operator's image in the ECR; null for none. */
  readonly image?: ImageSeed | null;
  /** False before Secrets Manager holds the image puller's key. */
  readonly keyStored?: boolean;
  /** Waits of the product advance the clock of the sandbox instead of real time. */
  readonly fast?: boolean;
}

/** A cluster and an account with the image puller's key, and the operator's image in the ECR. */
export class OperatorWorld implements StepWorld {
  readonly inside: TestCluster['inside'];
  readonly sandbox: TestCluster['sandbox'];
  readonly config: Config;
  readonly aws: AwsPort;
  readonly #context: () => Context;
  readonly #close: () => Promise<void>;
  readonly #puller: User;

  private constructor(parts: {
    cluster: TestCluster;
    config: Config;
    aws: AwsPort;
    puller: User;
    context: () => Context;
    close: () => Promise<void>;
  }) {
    this.inside = parts.cluster.inside;
    this.sandbox = parts.cluster.sandbox;
    this.config = parts.config;
    this.aws = parts.aws;
    this.#puller = parts.puller;
    this.#context = parts.context;
    this.#close = parts.close;
  }

  static async start(options: WorldOptions = {}): Promise<OperatorWorld> {
    const cluster = await startTestCluster(options.cluster, options);
    const { sandbox } = cluster;
    const folder = await mkdtemp(join(tmpdir(), 'operator-'));
    const manifest = join(folder, 'external-secrets.yaml');
    await writeFile(manifest, operatorManifest());
    const config = configSchema.parse({
      project: 'myproject',
      aws: { region: sandbox.region },
      ...options.settings,
      externalSecrets: { manifest, ...options.externalSecrets },
    });
    const net = createNet(sandbox.caPem, { HTTPS_PROXY: sandbox.proxyUrl });
    const aws = createAws({ region: sandbox.region, net }).as(pairOf(sandbox.admin));
    if (options.image !== null) {
      const repository = sandbox.aws.registry.addRepository('myproject/external-secrets');
      buildImage(repository, 'external-secrets', 'v0.12.1', options.image ?? {});
    }
    const { user, key } = sandbox.aws.addUser('image-puller', addPolicy(sandbox, config));
    for (const [tag, value] of Object.entries(awsTags(config))) user.tags.set(tag, value);
    if (options.keyStored !== false) await storePair(aws, config, pairOf(key));
    const cacheDir = join(folder, 'cache');
    const operatorSource = createOperatorSource({ config: config.externalSecrets, net, cacheDir });
    const context = (usesKey = true): Context => ({
      config,
      clock: cluster.clock,
      aws,
      cluster: cluster.port,
      inventory: createInventory(cluster.port, config),
      operatorSource,
      registryHost: () => aws.ecr.registryHost(),
      isLoginAccepted: (host, login, repository) => isLoginAccepted(net, { host, login, repository }),
      usesKey,
      fresh: (change) => context(change?.usesKey ?? usesKey),
      mirror: createMirror({
        ...{ ecr: aws.ecr, net, clock: cluster.clock, env: {} },
        docker: () => Promise.reject(new Error('these steps copy no images')),
      }),
      wantedImages: () => Promise.reject(new Error('these steps want no images')),
      platforms: () => Promise.reject(new Error('these steps want no platforms')),
    });
    const close = async (): Promise<void> => {
      await cluster.close();
      await net.close();
      await rm(folder, { recursive: true });
    };
    return new OperatorWorld({ cluster, config, aws, puller: user, context, close });
  }

  context(): Context {
    return this.#context();
  }

  /** Applies the steps before the operator's step. */
  async prepare(): Promise<this> {
    await applyStep(pullSecretBootstrap, this);
    await applyStep(operatorCrds, this);
    return this;
  }

  /** Gives the image puller another key, like a rotation, and deletes the old key. */
  async rotateKey(): Promise<void> {
    const { identities } = this.sandbox.aws;
    const [old] = await this.aws.iam.accessKeys('image-puller');
    const { id, secret } = identities.addKey(this.#puller, 0);
    await storePair(this.aws, this.config, pairOf({ accessKeyId: id, secretAccessKey: secret }));
    if (old !== undefined) await this.aws.iam.deleteAccessKey('image-puller', old.id);
    identities.settle();
  }

  close(): Promise<void> {
    return this.#close();
  }
}

const pairOf = ({
  accessKeyId,
  secretAccessKey,
}: {
  accessKeyId: string;
  secretAccessKey: string;
}): KeyPair => ({
  accessKeyId,
  secretAccessKey: new Secret(secretAccessKey),
});

function addPolicy({ aws, account, region }: TestCluster['sandbox'], config: Config): string {
  const document = policyDocument('image-puller', config, { partition: 'aws', accountId: account, region });
  return aws.identities.addPolicy(account, 'ecr-bootstrap-image-puller', '/', JSON.stringify(document)).arn;
}

/** Stores the values as one version of all three secrets. */
async function storePair(aws: AwsPort, config: Config, pair: KeyPair): Promise<void> {
  const names = secretNames(config);
  const token = randomUUID();
  const values = [
    [names.id, new Secret(pair.accessKeyId)],
    [names.secret, pair.secretAccessKey],
    [names.region, new Secret(config.aws.region)],
  ] as const;
  for (const [name, value] of values) {
    if (!(await aws.secrets.describe(name))) {
      await aws.secrets.create({ name, description: name, tags: awsTags(config) });
    }
    await aws.secrets.put(name, value, { token, stages: ['AWSCURRENT'] });
  }
}
