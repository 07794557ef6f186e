import { serviceAccounts } from '../../../../src/steps/service-accounts.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { edit } from '../edit.ts';
import { startWithRotation } from '../rotation-world.ts';

describeStepContract({
  step: serviceAccounts,
  fresh: () => startWithRotation(),
  drifts: [
    {
      name: 'the pull secret of a service account was removed',
      corrupt: (world) =>
        edit(world, ['ServiceAccount', 'coredns', 'kube-system'], ({ imagePullSecrets: _, ...rest }) => rest),
      plans: ['ServiceAccount kube-system/coredns: imagePullSecrets'],
    },
    {
      name: 'the pull secret was replaced with another one',
      corrupt: (world) =>
        edit(world, ['ServiceAccount', 'default', 'shop'], (account) => ({
          ...account,
          imagePullSecrets: [{ name: 'theirs' }],
        })),
      plans: ['ServiceAccount shop/default: imagePullSecrets'],
    },
  ],
});
