import type { AddressInfo } from 'node:net';
import { ecr } from './aws/ecr.ts';
import { EcrTokens } from './aws/ecr-tokens.ts';
import { iam } from './aws/iam.ts';
import { Identities, type User } from './aws/identities.ts';
import { awsHandler } from './aws/protocol.ts';
import { RateLimits } from './aws/rate-limits.ts';
import { ReadLags } from './aws/read-lag.ts';
import { Secrets } from './aws/secret-store.ts';
import { secretsManager } from './aws/secrets.ts';
import { Gate, type Service } from './aws/service.ts';
import { sts } from './aws/sts.ts';
import { SandboxClock } from './clock.ts';
import { type DirectAddress, Gateway, type Hosts } from './gateway.ts';
import { Faults } from './faults.ts';
import { listener } from './http.ts';
import { awsForCluster, imageSource } from './in-process.ts';
import type { AwsForCluster, ImageSource, KeyPair } from './ports.ts';
import { ecrDistribution } from './registry/ecr-distribution.ts';
import { EcrRegistry } from './registry/ecr-registry.ts';
import { type SourceOptions, SourceRegistry } from './registry/source.ts';
import type { Content } from './registry/storage.ts';
import type { ImageSeed } from './registry/image.ts';

export interface SandboxOptions {
  readonly account?: string;
  readonly region?: string;
  /** Registries in addition to the public ones. One with the same host replaces a public registry. */
  readonly sources?: readonly SourceOptions[];
  /** By default, real time. */
  readonly clock?: SandboxClock;
}

/** The state of the account, for tests to read and change without permissions. */
export interface AwsState {
  readonly identities: Identities;
  readonly secrets: Secrets;
  readonly registry: EcrRegistry;
  readonly limits: RateLimits;
  readonly lags: ReadLags<Service>;
  /** Creates a user with a key that works at once. @param policies ARNs */
  addUser(name: string, ...policies: string[]): { readonly user: User; readonly key: KeyPair };
}

export interface Sandbox {
  /** For HTTPS_PROXY. */
  readonly proxyUrl: string;
  /** The certificate authority of the sandbox, for the CA file of clients. */
  readonly caPem: string;
  readonly account: string;
  readonly region: string;
  /** The host of the private registry. */
  readonly registryHost: string;
  /** The key of an administrator. */
  readonly admin: KeyPair;
  readonly clock: SandboxClock;
  readonly faults: Faults;
  readonly aws: AwsState;
  /** Source registries by host. */
  readonly sources: ReadonlyMap<string, SourceRegistry>;
  /** The handlers by host name. Tests can add more. */
  readonly hosts: Hosts;
  readonly awsForCluster: AwsForCluster;
  readonly images: ImageSource;
  /** Serves the same hosts without the proxy. */
  serveAt(address: DirectAddress): Promise<AddressInfo>;
  close(): Promise<void>;
}

const PUBLIC_REGISTRIES: readonly SourceOptions[] = [
  { host: 'docker.io', auth: 'bearer' },
  { host: 'ghcr.io', auth: 'bearer' },
  { host: 'quay.io', auth: 'bearer', hasReferrers: true },
  { host: 'registry.k8s.io' },
];

/** Starts an AWS account, its private registry and the registries of the internet in this process. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { account = '123456789012', region = 'eu-west-1', clock = new SandboxClock() } = options;
  const faults = new Faults();
  const limits = new RateLimits(clock);
  const lags = new ReadLags<Service>(clock);
  const contents = new Map<string, Content>();

  const identities = new Identities(account, clock);
  const secrets = new Secrets(clock);
  const registry = new EcrRegistry({ account, region, clock }, new EcrTokens(identities), contents);
  const aws: AwsState = {
    identities,
    secrets,
    registry,
    limits,
    lags,
    addUser(name, ...policies) {
      const user = identities.addUser(name);
      for (const arn of policies) user.attached.add(arn);
      identities.settle();
      const { id, secret } = identities.addKey(user, 0);
      return { user, key: { accessKeyId: id, secretAccessKey: secret } };
    },
  };
  const admin = aws.addUser('admin', identities.arn('policy', '/', 'AdministratorAccess', 'aws')).key;

  const gate = new Gate(identities, faults, limits, lags);
  const services = {
    ecr: ecr(registry),
    iam: iam(identities),
    sts: sts(identities),
    secretsmanager: secretsManager(secrets, { account, region, clock }),
  };
  const distribution = ecrDistribution({ registry, identities, limits, faults, contents });
  const serve = (service: Service, scope = region) => listener(awsHandler(gate, service, scope));
  const hosts: Hosts = new Map([
    [`api.ecr.${region}.amazonaws.com`, serve(services.ecr)],
    [`secretsmanager.${region}.amazonaws.com`, serve(services.secretsmanager)],
    [`sts.${region}.amazonaws.com`, serve(services.sts)],
    ['sts.amazonaws.com', serve(services.sts, 'us-east-1')],
    ['iam.amazonaws.com', serve(services.iam, 'us-east-1')],
    [registry.host, listener(distribution)],
    [registry.bucket.host, listener(registry.bucket.handler(faults))],
  ]);

  const sources = new Map<string, SourceRegistry>();
  for (const source of [...PUBLIC_REGISTRIES, ...(options.sources ?? [])]) {
    const served = new SourceRegistry(source, contents, faults, clock);
    sources.set(source.host, served);
    for (const host of served.hosts) hosts.set(host, listener(served.handler));
  }
  for (const [host, name, tag, seed] of DEFAULT_IMAGES) sources.get(host)?.seed(name, tag, seed);

  const gateway = new Gateway(hosts);
  return {
    proxyUrl: await gateway.open(),
    caPem: gateway.caPem,
    account,
    region,
    registryHost: registry.host,
    admin,
    clock,
    faults,
    aws,
    sources,
    hosts,
    awsForCluster: awsForCluster(gate, services),
    images: imageSource(registry, distribution, sources),
    serveAt: (address) => gateway.serveAt(address),
    close: () => gateway.close(),
  };
}

const both: ImageSeed = { platforms: ['linux/amd64', 'linux/arm64'] };
const base = ['a base that several images share'];

/** The initial images of the source registries: host, repository, tag and how to build the image. */
const DEFAULT_IMAGES: readonly (readonly [host: string, name: string, tag: string, seed: ImageSeed])[] = [
  ['ghcr.io', 'external-secrets/external-secrets', 'v0.12.1', { ...both, base, layers: 2 }],
  ['docker.io', 'library/nginx', '1.27', { ...both, base, layers: 3, attestations: true }],
  ['docker.io', 'library/nginx', '1.28', { ...both, base, layers: 3, attestations: true }],
  ['quay.io', 'prometheus/node-exporter', 'v1.9.0', { ...both, schema2: true }],
  ['docker.io', 'library/busybox', '1.37', both],
  ['registry.k8s.io', 'pause', '3.10', both],
  ['registry.k8s.io', 'pause', '3.10.1', both],
  ['docker.io', 'prom/prometheus', 'v3.1.0', { ...both, base }],
  ['registry.k8s.io', 'coredns/coredns', 'v1.13.1', both],
  ['registry.k8s.io', 'etcd', '3.6.8-0', both],
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map(
    (name) => ['registry.k8s.io', name, 'v1.36.3', { ...both, base }] as const,
  ),
];
