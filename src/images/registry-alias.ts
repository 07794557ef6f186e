/** Domains of ECR's dual-stack endpoints: Amazon ECR User Guide, "Making requests to Amazon ECR registries". */
const dualStackDomains = ['on.aws', 'on.amazonwebservices.com.cn', 'on.amazonwebservices.eu'];

/** Whether a reference has one of the registry's hosts, without a port or with port 443. */
export const isOfRegistry = (reference: { readonly host: string }, registryHost: string): boolean =>
  registryHosts(registryHost).includes(reference.host.replace(/:443$/, ''));

/** All hosts of an account's registry in one region, starting with the one that ECR reports. */
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
