import type { OperatorSettings } from '../../../../src/external-secrets/release/operator.ts';

/** The settings that a step passes, without optional ones. */
export const settings: OperatorSettings = {
  namespace: 'external-secrets',
  labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' },
  annotations: { manifestDigest: 'example.test/manifest', settingsDigest: 'example.test/settings' },
  image: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/myproject/external-secrets:v0.12.1',
  pullSecret: 'puller',
  env: {},
  tolerations: [],
  nodeSelector: {},
};
