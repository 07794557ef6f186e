import { expect, it } from 'vitest';
import { partitionOf } from '../../../../src/clients/aws/partitions.ts';
import { knownRegions } from '../../../../src/clients/aws/regions.ts';
import { region } from '../../../../src/config/aws-values.ts';

it.each([
  ['eu-west-1', 'aws', 'amazonaws.com'],
  ['mx-central-1', 'aws', 'amazonaws.com'],
  ['cn-northwest-1', 'aws-cn', 'amazonaws.com.cn'],
  ['us-gov-east-1', 'aws-us-gov', 'amazonaws.com'],
  ['eusc-de-east-1', 'aws-eusc', 'amazonaws.eu'],
  ['us-iso-west-1', 'aws-iso', 'c2s.ic.gov'],
  ['us-isob-east-1', 'aws-iso-b', 'sc2s.sgov.gov'],
  ['eu-isoe-west-1', 'aws-iso-e', 'cloud.adc-e.uk'],
  ['us-isof-south-1', 'aws-iso-f', 'csp.hci.ic.gov'],
])('maps %s to the partition %s with endpoints in %s', (name, id, domain) => {
  expect(partitionOf(name)).toEqual({ id, domain });
});

it.each(knownRegions)('accepts %s in the configuration', (name) => {
  expect(region.safeParse(name).success).toBe(true);
});
