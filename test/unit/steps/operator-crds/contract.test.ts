import type { KubeObject } from '../../../../sandbox/cluster/index.ts';
import { operatorCrds } from '../../../../src/steps/operator-crds.ts';
import { describeStepContract } from '../../../contract/step-contract.ts';
import { OperatorWorld } from '../operator-world.ts';

const name = 'secretstores.external-secrets.io';
const stored = (world: OperatorWorld): KubeObject => {
  const crd = world.inside.get('CustomResourceDefinition', name);
  if (crd === undefined) throw new Error(`${name} is not there`);
  return crd;
};

describeStepContract({
  step: operatorCrds,
  fresh: () => OperatorWorld.start(),
  drifts: [
    {
      name: 'a CRD was deleted',
      corrupt: ({ inside }) =>
        inside.delete('CustomResourceDefinition', 'fakes.generators.external-secrets.io'),
      plans: ['CustomResourceDefinition fakes.generators.external-secrets.io'],
    },
    {
      name: 'a CRD comes from another manifest',
      corrupt: (world) => {
        const crd = stored(world);
        const annotations = {
          ...crd.metadata.annotations,
          'ecr-bootstrap.dev/manifest-sha256': '0'.repeat(64),
        };
        world.inside.put({ ...crd, metadata: { ...crd.metadata, annotations } });
      },
      plans: [`CustomResourceDefinition ${name}: metadata.annotations["ecr-bootstrap.dev/manifest-sha256"]`],
    },
    {
      name: 'the component label was removed',
      corrupt: (world) => {
        const crd = stored(world);
        const { 'external-secrets.io/component': _, ...labels } = crd.metadata.labels ?? {};
        world.inside.put({ ...crd, metadata: { ...crd.metadata, labels } });
      },
      plans: [`CustomResourceDefinition ${name}: metadata.labels["external-secrets.io/component"]`],
    },
  ],
});
