/** The lab's names, and the addresses that serve them. */

export const account = '123456789012';
export const region = 'eu-west-1';
export const registry = `${account}.dkr.ecr.${region}.amazonaws.com`;

/** All addresses are on the loopback interface of the lab's own network namespace. */
export const addresses = {
  aws: '10.99.0.1',
  internet: '10.99.0.2',
  website: '10.99.0.3',
} as const;

/** A cluster of one machine, which is control plane and node. */
export interface ClusterNames {
  readonly name: string;
  readonly node: string;
  /** The machine's address on its own virtual cable. */
  readonly address: string;
  /** The lab's end of the cable: the machine's router and name server. */
  readonly router: string;
  readonly podSubnet: string;
}

/** The second cluster exists only on request. */
export const clusters = {
  first: {
    name: 'first',
    node: 'first-node',
    address: '10.99.1.2',
    router: '10.99.1.1',
    podSubnet: '10.244.1.0/24',
  },
  second: {
    name: 'second',
    node: 'second-node',
    address: '10.99.2.2',
    router: '10.99.2.1',
    podSubnet: '10.244.2.0/24',
  },
} as const satisfies Readonly<Record<string, ClusterNames>>;

/** The machine of a node that joins the first cluster, which exists only on request. */
export const joiningMachine: ClusterNames = {
  name: 'joining',
  node: 'joining-node',
  address: '10.99.3.2',
  router: '10.99.3.1',
  podSubnet: '10.244.3.0/24',
};

export const apiServer = ({ address }: ClusterNames): string => `https://${address}:6443`;

/**
 * The names that an air-gapped network reaches through its VPC endpoints. The laptop reaches them too. A leading
 * `*.` stands for one label.
 */
export const awsNames: readonly string[] = [
  `*.dkr.ecr.${region}.amazonaws.com`,
  `api.ecr.${region}.amazonaws.com`,
  `*.s3.${region}.amazonaws.com`,
  `secretsmanager.${region}.amazonaws.com`,
  `sts.${region}.amazonaws.com`,
  'sts.amazonaws.com',
  'iam.amazonaws.com',
];

/** Registries on the internet. Only the laptop resolves these names. */
export const internetNames: readonly string[] = [
  'docker.io',
  'registry-1.docker.io',
  'ghcr.io',
  'oci.external-secrets.io',
  'quay.io',
  'registry.k8s.io',
];

/** The hosts that publish the operator's release. */
export const websiteNames: readonly string[] = ['github.com', 'release-assets.githubusercontent.com'];

export function matches(patterns: readonly string[], name: string): boolean {
  const parent = name.replace(/^[^.]+/, '*');
  return patterns.includes(name) || patterns.includes(parent);
}

export const serviceSubnet = '10.96.0.0/16';
