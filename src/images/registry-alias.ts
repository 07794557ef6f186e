/** Domains of ECR's dual-stack endpoints: Amazon ECR User Guide, "Making requests to Amazon ECR registries". */
const dualStackDomains = ['on.aws', 'on.amazonwebservices.com.cn', 'on.amazonwebservices.eu'];

/** All hosts of an account's registry in one region; the one that ECR names comes first. */
export function registryHosts(host: string): readonly string[] {
  const [, account, region, domain] = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.(.+)$/.exec(host) ?? [];
  if (account === undefined || region === undefined || domain === undefined) return [host];
  const kinds = ['ecr', 'ecr-fips'];
  return [
    host,
    ...kinds.map((kind) => `${account}.dkr.${kind}.${region}.${domain}`).filter((name) => name !== host),
    ...kinds.flatMap((kind) =>
      dualStackDomains.map((dualStack) => `${account}.dkr-${kind}.${region}.${dualStack}`),
    ),
  ];
}
