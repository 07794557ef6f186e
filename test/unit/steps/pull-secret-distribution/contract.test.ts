import { pullSecretDistribution } from '../../../../src/steps/pull-secret-distribution.ts';
import { pullSecretRefresh } from '../../../../src/steps/pull-secret-refresh.ts';
import { applyStep, describeStepContract } from '../../../contract/step-contract.ts';
import { edit } from '../edit.ts';
import { startWithOperator } from '../rotation-world.ts';

describeStepContract({
  step: pullSecretDistribution,
  fresh: async () => {
    const world = await startWithOperator();
    await applyStep(pullSecretRefresh, world);
    return world;
  },
  drifts: [
    {
      name: 'the ClusterExternalSecret was deleted',
      corrupt: ({ inside }) => inside.delete('ClusterExternalSecret', 'puller'),
      plans: ['ClusterExternalSecret puller'],
    },
    {
      name: 'the refresh time of the copies was increased',
      corrupt: (world) =>
        edit(world, ['ClusterExternalSecret', 'puller'], (fanOut) => ({
          ...fanOut,
          spec: { ...(fanOut['spec'] as object), refreshTime: '6h' },
        })),
      plans: ['ClusterExternalSecret puller: spec.refreshTime'],
    },
  ],
});
