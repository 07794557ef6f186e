import { pullSecretBootstrap } from '../../../../src/steps/pull-secret-bootstrap.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { OperatorWorld } from '../operator-world.ts';

const token = 'Secret external-secrets/puller: data[".dockerconfigjson"]';

describeStepContract({
  step: pullSecretBootstrap,
  fresh: () => OperatorWorld.start(),
  drifts: [
    {
      name: 'the pull secret was deleted',
      corrupt: ({ inside }) => inside.delete('Secret', 'puller', 'external-secrets'),
      plans: ['Secret external-secrets/puller'],
    },
    {
      name: 'the token has expired',
      corrupt: ({ sandbox }) => sandbox.clock.advance(13 * 3_600_000),
      plans: [token],
    },
    {
      name: 'the access key was replaced',
      corrupt: (world) => world.rotateKey(),
      plans: ({ inside }) => [
        token,
        `cluster registration ${inside.get('Namespace', 'kube-system')?.metadata.uid ?? ''}: key`,
        'Secret external-secrets/image-puller: data.AWS_ACCESS_KEY_ID',
        'Secret external-secrets/image-puller: data.AWS_SECRET_ACCESS_KEY',
      ],
    },
    {
      name: 'the annotations of the namespace were removed',
      corrupt: ({ inside }) => {
        const namespace = inside.get('Namespace', 'external-secrets');
        if (namespace) inside.put({ ...namespace, metadata: { ...namespace.metadata, annotations: {} } });
      },
      plans: ['project', 'registry-host'].map(
        (note) => `Namespace external-secrets: metadata.annotations["ecr-bootstrap.dev/${note}"]`,
      ),
    },
  ],
});
