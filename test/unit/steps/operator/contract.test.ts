import { operator } from '../../../../src/steps/operator.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { OperatorWorld } from '../operator-world.ts';

const namespace = 'external-secrets';

describeStepContract({
  step: operator,
  fresh: async () => (await OperatorWorld.start()).prepare(),
  drifts: [
    {
      name: 'a Deployment was deleted',
      corrupt: ({ inside }) => inside.delete('Deployment', 'external-secrets-webhook', namespace),
      plans: [`Deployment ${namespace}/external-secrets-webhook`],
    },
    {
      name: 'the controller runs another image',
      corrupt: ({ inside }) => {
        const deployment = inside.get('Deployment', 'external-secrets', namespace);
        const text = JSON.stringify(deployment).replaceAll(
          /"image":"[^"]*"/g,
          '"image":"docker.io/library/nginx:1"',
        );
        inside.put(JSON.parse(text) as NonNullable<typeof deployment>);
      },
      plans: [
        `Deployment ${namespace}/external-secrets: spec.template.spec.containers[name=external-secrets].image`,
      ],
    },
    {
      name: 'a webhook configuration was deleted',
      corrupt: ({ inside }) => inside.delete('ValidatingWebhookConfiguration', 'externalsecret-validate'),
      plans: ['ValidatingWebhookConfiguration externalsecret-validate'],
    },
    {
      name: 'a service account lost its pull secret',
      corrupt: ({ inside }) => {
        const account = inside.get('ServiceAccount', 'external-secrets', namespace);
        const { imagePullSecrets: _, ...rest } = account as NonNullable<typeof account> & {
          imagePullSecrets?: unknown;
        };
        inside.put(rest);
      },
      plans: [`ServiceAccount ${namespace}/external-secrets: imagePullSecrets`],
    },
  ],
});
