import { serviceAccountPolicy } from '../../../../src/steps/service-account-policy.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { edit } from '../edit.ts';
import { OperatorWorld } from '../operator-world.ts';

describeStepContract({
  step: serviceAccountPolicy,
  fresh: () => OperatorWorld.start({ cluster: { admissionPolicies: 'v1beta1' } }),
  drifts: [
    {
      name: 'the binding was deleted',
      corrupt: ({ inside }) => inside.delete('MutatingAdmissionPolicyBinding', 'ecr-bootstrap-pull-secret'),
      plans: ['MutatingAdmissionPolicyBinding ecr-bootstrap-pull-secret'],
    },
    {
      name: 'the failure policy was changed to Fail',
      corrupt: (world) =>
        edit(world, ['MutatingAdmissionPolicy', 'ecr-bootstrap-pull-secret'], (policy) => ({
          ...policy,
          spec: { ...(policy['spec'] as object), failurePolicy: 'Fail' },
        })),
      plans: ['MutatingAdmissionPolicy ecr-bootstrap-pull-secret: spec.failurePolicy'],
    },
  ],
});
