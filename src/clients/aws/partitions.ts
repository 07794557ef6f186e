/** A part of AWS with identities, endpoints and ARNs of its own. */
export interface Partition {
  /** In ARNs. */
  readonly id: string;
  /** Domain of the endpoints, and of the values of `kms:ViaService`. */
  readonly domain: string;
}

const commercial: Partition = { id: 'aws', domain: 'amazonaws.com' };

/** As in the partition data of AWS's SDKs, by how the names of regions begin. */
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
