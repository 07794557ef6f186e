/** The lab's map: which names exist, and at which of its addresses each is served. */

export const account = '123456789012';
export const region = 'eu-west-1';
export const registry = `${account}.dkr.ecr.${region}.amazonaws.com`;

/** All of them on the loopback interface of the lab's network namespace. */
export const addresses = {
  aws: '10.99.0.1',
  internet: '10.99.0.2',
  website: '10.99.0.3',
  node: '10.99.0.4',
} as const;

/** What an air-gapped network reaches through its VPC endpoints, and the laptop too. A leading `*.` stands for one label. */
export const awsNames: readonly string[] = [
  `*.dkr.ecr.${region}.amazonaws.com`,
  `api.ecr.${region}.amazonaws.com`,
  `*.s3.${region}.amazonaws.com`,
  `secretsmanager.${region}.amazonaws.com`,
  `sts.${region}.amazonaws.com`,
  'sts.amazonaws.com',
  'iam.amazonaws.com',
];

/** Registries on the internet: only the laptop knows these names. */
export const internetNames: readonly string[] = [
  'docker.io',
  'registry-1.docker.io',
  'ghcr.io',
  'oci.external-secrets.io',
  'quay.io',
  'registry.k8s.io',
];

/** Where the operator's release is published. */
export const websiteNames: readonly string[] = ['github.com', 'release-assets.githubusercontent.com'];

export function matches(patterns: readonly string[], name: string): boolean {
  const parent = name.replace(/^[^.]+/, '*');
  return patterns.includes(name) || patterns.includes(parent);
}

export const nodeName = 'lab-node';
export const apiServer = `https://${addresses.node}:6443`;
export const podSubnet = '10.244.0.0/24';
export const serviceSubnet = '10.96.0.0/16';
