import { operatorImage } from '../../../../src/steps/operator-image.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { MirrorWorld } from '../mirror-world.ts';

const repository = 'myproject/external-secrets';

describeStepContract({
  step: operatorImage,
  fresh: () => MirrorWorld.start(),
  drifts: [
    {
      name: 'the tag was deleted',
      corrupt: ({ world }) => void world.aws.registry.repositories.get(repository)?.tags.delete('v0.12.1'),
      plans: ['image ghcr.io/external-secrets/external-secrets:v0.12.1'],
    },
  ],
});
