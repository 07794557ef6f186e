import { afterEach, describe, expect, it } from 'vitest';
import { operator } from '../../../../src/steps/operator.ts';
import { operatorCrds } from '../../../../src/steps/operator-crds.ts';
import { clusterOnly, applyStep, planStep } from '../../../contract/step-contract.ts';
import { OperatorWorld, type WorldOptions } from '../operator-world.ts';

const open: OperatorWorld[] = [];
const start = async (options?: WorldOptions): Promise<OperatorWorld> => {
  const world = await OperatorWorld.start(options);
  open.push(world);
  return world;
};

afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.close()));
});

/** A controller as Helm installs it. */
function helmInstall({ inside }: OperatorWorld, version: string): void {
  const labels = {
    'app.kubernetes.io/name': 'external-secrets',
    'app.kubernetes.io/version': version,
    'app.kubernetes.io/managed-by': 'Helm',
  };
  const annotations = { 'meta.helm.sh/release-name': 'eso', 'meta.helm.sh/release-namespace': 'tools' };
  inside.put({ kind: 'Namespace', metadata: { name: 'tools' } });
  inside.put({
    kind: 'Deployment',
    metadata: { name: 'eso-external-secrets', namespace: 'tools', labels, annotations },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [] } },
    },
  });
}

function removeLabels({ inside }: OperatorWorld, name: string): void {
  const crd = inside.get('CustomResourceDefinition', name);
  if (crd) inside.put({ ...crd, metadata: { ...crd.metadata, labels: {} } });
}

const externalSecret = {
  kind: 'ExternalSecret',
  metadata: { name: 'unmanaged', namespace: 'shop' },
  spec: { dataFrom: [{ extract: { key: 'a' } }] },
};

describe('CRDs of the operator', () => {
  it('are not adopted from another operator, and the finding identifies that operator', async () => {
    const world = await start();
    helmInstall(world, 'v0.9.11');
    const { changes, findings } = await planStep(operatorCrds, world);
    expect(changes).toEqual([]);
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'operator-conflict',
        blocking: true,
        what: 'External Secrets Operator v0.9.11 is installed and not managed by ecr-bootstrap',
        why: 'Deployment tools/eso-external-secrets, Helm release eso in namespace tools',
        hint: expect.stringContaining('kubectl delete deployment,service') as string,
      }),
    ]);
  });

  it('are adopted when they have lost the label of managed objects', async () => {
    const world = await start();
    await applyStep(operatorCrds, world);
    removeLabels(world, 'secretstores.external-secrets.io');
    const { changes } = await planStep(operatorCrds, world);
    expect(changes).toMatchObject([
      { target: { name: 'secretstores.external-secrets.io' }, adopts: { owner: 'unknown' } },
    ]);
  });

  it('are never downgraded', async () => {
    const world = await (await start()).prepare();
    await applyStep(operator, world);
    const deployment = world.inside.get('Deployment', 'external-secrets', 'external-secrets');
    const newer = JSON.stringify(deployment).replaceAll('v0.12.1', 'v0.13.0');
    world.inside.put(JSON.parse(newer) as NonNullable<typeof deployment>);
    expect(await planStep(operatorCrds, world)).toEqual({
      changes: [],
      findings: [
        expect.objectContaining({
          blocking: true,
          what: 'External Secrets Operator v0.13.0 is installed, and this version of ecr-bootstrap installs v0.12.1',
        }),
      ],
    });
  });

  it('of another operator are used with install: false once they serve the required versions', async () => {
    const world = await start({ externalSecrets: { install: false } });
    expect(await planStep(operatorCrds, world)).toMatchObject({
      changes: [],
      findings: [{ code: 'operator-api', blocking: true }],
    });
    const { objects } = await world.context().operatorSource.load();
    for (const object of objects) {
      if (object.kind === 'CustomResourceDefinition') world.inside.put(structuredClone(object) as never);
    }
    await world.inside.settled();
    world.context().cluster.forgetKinds();
    expect((await planStep(operatorCrds, world)).changes).toEqual([]);
  });

  it('come with a finding that names the manifest and its checksum', async () => {
    const { findings } = await planStep(operatorCrds, await start());
    const what = expect.stringMatching(/^operator manifest .+, SHA-256 [0-9a-f]{64}$/) as string;
    expect(findings).toEqual([expect.objectContaining({ level: 'ok', code: 'operator-manifest', what })]);
  });

  it('are not drift after the cert-controller has set its certificate authority', async () => {
    const world = await (await start()).prepare();
    await applyStep(operator, world);
    const crd = world.inside.get('CustomResourceDefinition', 'secretstores.external-secrets.io');
    expect(crd).toHaveProperty('spec.conversion.webhook.clientConfig.caBundle');
    expect((await planStep(operatorCrds, world)).changes).toEqual([]);
  });

  it('are not removed while unmanaged objects of their kinds exist', async () => {
    const world = await start();
    await applyStep(operatorCrds, world);
    const removal = async (): Promise<number | undefined> => {
      const ctx = world.context();
      return (await operatorCrds.remove?.(await operatorCrds.observe(ctx), ctx, clusterOnly))?.changes.length;
    };
    expect(await removal()).toBe(16);
    world.inside.put(externalSecret);
    expect(await removal()).toBe(0);
  });
});
