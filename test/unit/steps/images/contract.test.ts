import { images } from '../../../../src/steps/images.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { MirrorWorld } from '../mirror-world.ts';

const repository = 'myproject/docker.io/library/nginx';

describeStepContract({
  step: images,
  fresh: () => MirrorWorld.start(),
  drifts: [
    {
      name: 'a tag was deleted',
      corrupt: ({ world }) => void world.aws.registry.repositories.get(repository)?.tags.delete('1.27'),
      plans: ['image docker.io/library/nginx:1.27'],
    },
    {
      name: 'a tag points at an image for another platform',
      corrupt: ({ world }) =>
        void world.aws.registry.seed(repository, '1.27', { platforms: ['linux/arm64'] }),
      plans: ['image docker.io/library/nginx:1.27: platforms'],
    },
  ],
});
