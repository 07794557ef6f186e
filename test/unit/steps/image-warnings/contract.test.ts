import { imageWarnings } from '../../../../src/steps/image-warnings.ts';
import { pullSecretBootstrap } from '../../../../src/steps/pull-secret-bootstrap.ts';
import { buildImage } from '../../../../sandbox/registry/image.ts';
import { applyStep, describeStepContract } from '../../../contract/step-contract.ts';
import { edit } from '../edit.ts';
import { OperatorWorld } from '../operator-world.ts';

const name = 'ecr-bootstrap-images';
const namespace = 'external-secrets';

describeStepContract({
  step: imageWarnings,
  fresh: async () => {
    const world = await OperatorWorld.start();
    await applyStep(pullSecretBootstrap, world);
    return world;
  },
  drifts: [
    {
      name: 'the binding was deleted',
      corrupt: ({ inside }) => inside.delete('ValidatingAdmissionPolicyBinding', name),
      plans: [`ValidatingAdmissionPolicyBinding ${name}`],
    },
    {
      name: 'the binding rejects workloads',
      corrupt: (world) =>
        edit(world, ['ValidatingAdmissionPolicyBinding', name], (binding) => ({
          ...binding,
          spec: { ...(binding['spec'] as object), validationActions: ['Deny'] },
        })),
      plans: [`ValidatingAdmissionPolicyBinding ${name}: spec.validationActions[0]`],
    },
    {
      name: 'an image of another registry was pushed',
      corrupt: ({ sandbox }) => {
        const repository = sandbox.aws.registry.addRepository('myproject/quay.io/a/b');
        buildImage(repository, 'b', 'v1', {});
      },
      plans: [
        `ConfigMap ${namespace}/image-list.quay.io`,
        `ConfigMap ${namespace}/image-list.123456789012.dkr.ecr.eu-west-1.amazonaws.com: data.part-2`,
        `ConfigMap ${namespace}/image-list: data.EXCEPT`,
      ],
    },
    {
      name: 'a repository was deleted',
      corrupt: ({ sandbox }) => void sandbox.aws.registry.repositories.delete('myproject/external-secrets'),
      plans: [
        `ConfigMap ${namespace}/image-list.ghcr.io`,
        `ConfigMap ${namespace}/image-list.oci.external-secrets.io`,
        `ConfigMap ${namespace}/image-list.123456789012.dkr.ecr.eu-west-1.amazonaws.com: data.part-12`,
        `ConfigMap ${namespace}/image-list.123456789012.dkr.ecr.eu-west-1.amazonaws.com: data.part-2`,
        `ConfigMap ${namespace}/image-list: data.EXCEPT`,
      ],
    },
  ],
});
