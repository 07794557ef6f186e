import { type Finding, finding } from '../core/findings.ts';

/**
 * The regions for which the webhook of External Secrets v0.12.1 accepts a store. Its AWS SDK (aws-sdk-go v1.55.5,
 * aws/endpoints/defaults.go) lists them for Secrets Manager. The webhook rejects others with "region not found"
 * (validateRegion in pkg/provider/aws/provider.go). The SDK sends requests for other partitions to amazonaws.com.
 */
const supported: ReadonlySet<string> = new Set([
  ...['af-south-1', 'ap-east-1', 'ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3', 'ap-south-1'],
  ...['ap-south-2', 'ap-southeast-1', 'ap-southeast-2', 'ap-southeast-3', 'ap-southeast-4', 'ca-central-1'],
  ...['ca-west-1', 'eu-central-1', 'eu-central-2', 'eu-north-1', 'eu-south-1', 'eu-south-2', 'eu-west-1'],
  ...['eu-west-2', 'eu-west-3', 'il-central-1', 'me-central-1', 'me-south-1', 'sa-east-1', 'us-east-1'],
  ...['us-east-2', 'us-west-1', 'us-west-2', 'cn-north-1', 'cn-northwest-1', 'us-gov-east-1'],
  ...['us-gov-west-1', 'us-iso-east-1', 'us-iso-west-1', 'us-isob-east-1'],
]);

/** Reports a region that is newer than the operator's release. */
export function regionFindings(region: string): Finding[] {
  if (supported.has(region)) return [];
  return [
    finding('region-unsupported', {
      target: { kind: 'AWS region', name: region },
      what: `External Secrets v0.12.1 cannot renew the pull secret in ${region}`,
      why: 'its AWS SDK does not know the region, and its webhook rejects every store with "region not found"',
      hint: 'Use another region with --region or aws.region. ECR, IAM and `ecr-bootstrap mirror` work in this one.',
    }),
  ];
}
