import { expect, it } from 'vitest';
import { regionFindings } from '../../../src/external-secrets/regions.ts';

it.each(['eu-west-1', 'cn-north-1', 'us-gov-west-1', 'us-isob-east-1', 'ca-west-1'])(
  'reports nothing about %s, which the operator supports',
  (region) => {
    expect(regionFindings(region)).toEqual([]);
  },
);

it.each(['eusc-de-east-1', 'mx-central-1', 'ap-southeast-7', 'eu-isoe-west-1'])(
  'reports that the operator cannot renew the pull secret in %s',
  (region) => {
    expect(regionFindings(region)).toMatchObject([
      { level: 'failed', code: 'region-unsupported', target: { name: region } },
    ]);
  },
);
