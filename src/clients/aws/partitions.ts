/** An AWS partition, with its own identities, endpoints and ARNs. */
export interface Partition {
  /** The partition's ID in ARNs. */
  readonly id: string;
  /** Domain of the endpoints, and of the values of `kms:ViaService`. */
  readonly domain: string;
}

const commercial: Partition = { id: 'aws', domain: 'amazonaws.com' };

/** By the prefix of region names, as in the partition data of AWS's SDKs. */
const others: readonly (readonly [region: RegExp, partition: Partition])[] = [
  [/^cn-/, { id: 'aws-cn', domain: 'amazonaws.com.cn' }],
  [/^us-gov-/, { id: 'aws-us-gov', domain: 'amazonaws.com' }],
  [/^eusc-/, { id: 'aws-eusc', domain: 'amazonaws.eu' }],
  [/^[a-z]+-iso-/, { id: 'aws-iso', domain: 'c2s.ic.gov' }],
  [/^[a-z]+-isob-/, { id: 'aws-iso-b', domain: 'sc2s.sgov.gov' }],
  [/^[a-z]+-isoe-/, { id: 'aws-iso-e', domain: 'cloud.adc-e.uk' }],
  [/^[a-z]+-isof-/, { id: 'aws-iso-f', domain: 'csp.hci.ic.gov' }],
];

export const partitionOf = (region: string): Partition =>
  others.find(([pattern]) => pattern.test(region))?.[1] ?? commercial;
