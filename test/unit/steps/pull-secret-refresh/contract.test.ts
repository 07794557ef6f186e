import { pullSecretRefresh } from '../../../../src/steps/pull-secret-refresh.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { edit } from '../edit.ts';
import { startWithOperator } from '../rotation-world.ts';

const namespace = 'external-secrets';

describeStepContract({
  step: pullSecretRefresh,
  fresh: () => startWithOperator(),
  drifts: [
    {
      name: 'the refresh interval was increased',
      corrupt: (world) =>
        edit(world, ['ExternalSecret', 'puller', namespace], (renewal) => ({
          ...renewal,
          spec: { ...(renewal['spec'] as object), refreshInterval: '11h' },
        })),
      plans: ['ExternalSecret external-secrets/puller: spec.refreshInterval'],
    },
    {
      name: 'the Role of the reader was extended',
      corrupt: (world) =>
        edit(world, ['Role', 'pull-secret-reader', namespace], (role) => ({
          ...role,
          rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }],
        })),
      plans: [
        'Role external-secrets/pull-secret-reader: rules[0].resourceNames',
        'Role external-secrets/pull-secret-reader: rules[0].verbs',
      ],
    },
    {
      name: 'the ECRAuthorizationToken was deleted',
      corrupt: ({ inside }) => inside.delete('ECRAuthorizationToken', 'image-puller', namespace),
      plans: ['ECRAuthorizationToken external-secrets/image-puller'],
    },
  ],
});
