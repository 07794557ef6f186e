import { servedVersion } from '../../cluster/service-account-policy/policy.ts';
import { warningPolicyKind } from '../../mirror/warnings/policy.ts';
import { runtimeVersions } from '../../nodes/runtime-advice.ts';
import type { Diagnosis } from '../../output/index.ts';
import { steps } from '../../steps/index.ts';
import type { RunContext } from '../context.ts';
import { refuseMissingRights } from '../rights.ts';
import { plural } from '../../output/units.ts';
import { type Check, diagnosis, fine } from './check.ts';

export const cluster: Check = {
  id: 'cluster',
  title: 'Cluster',
  needs: [],
  settings: ['cluster'],
  async run({ context }) {
    const { context: name, server, version } = await (await context()).cluster.info();
    return [fine(`${name} at ${server}, Kubernetes ${version}`)];
  },
};

export const clusterRights: Check = {
  id: 'cluster-permissions',
  title: 'Cluster rights',
  needs: ['cluster'],
  async run({ context }) {
    await refuseMissingRights(await context(), steps);
    return [fine('everything that `ecr-bootstrap policy cluster` lists')];
  },
};

export const kubernetesFeatures: Check = {
  id: 'kubernetes-features',
  title: 'Kubernetes',
  needs: ['cluster'],
  settings: ['serviceAccounts', 'images'],
  async run({ context }) {
    const ctx = await context();
    const found = (await Promise.all([mutatingPolicies(ctx), validatingPolicies(ctx)])).flat();
    return found.length > 0 ? found : [fine('serves everything that `up` uses')];
  },
};

async function mutatingPolicies({ cluster: api, config }: RunContext): Promise<readonly Diagnosis[]> {
  if (config.serviceAccounts.policy === 'off') return [];
  const version = await servedVersion(api);
  if (version !== undefined) return [fine(`serves MutatingAdmissionPolicy ${version}`)];
  return [
    diagnosis('policy-unavailable', {
      what: 'new service accounts do not get the pull secret by themselves',
      why: 'the cluster does not serve MutatingAdmissionPolicy, which Kubernetes 1.36 has',
      hint: 'Upgrade Kubernetes, or run `ecr-bootstrap up --only service-accounts` after you create namespaces.',
    }),
  ];
}

/** A note: `up` leaves the warnings out. */
async function validatingPolicies({ cluster: api, config }: RunContext): Promise<readonly Diagnosis[]> {
  if (config.images.warnings === 'off' || (await api.serves(warningPolicyKind))) return [];
  return [
    diagnosis('image-warnings-unavailable', {
      what: 'serves no ValidatingAdmissionPolicy, so kubectl does not warn about images that ECR does not have',
      why: 'Kubernetes 1.30 and later serve it',
      hint: 'Compare with `ecr-bootstrap images` before you deploy.',
    }),
  ];
}

/** The container runtimes of the nodes. Only a pull shows whether a runtime uses the mirrors. */
export const nodeRuntimes: Check = {
  id: 'node-runtimes',
  title: 'Node runtimes',
  needs: ['cluster'],
  settings: ['nodes'],
  async run({ context }) {
    const { cluster: api, config } = await context();
    if (config.nodes.access === 'off') return [fine('not needed: nodes.access is off')];
    const versions = runtimeVersions(await api.list({ apiVersion: 'v1', kind: 'Node' }));
    const unsupported = versions.filter(({ isSupported }) => !isSupported);
    const facts = versions
      .map(({ version, nodes, needs }) => {
        const need = needs === undefined ? '' : `, needs ${needs}`;
        return `${version} (${plural(nodes.length, 'node')}${need})`;
      })
      .join(', ');
    if (unsupported.length === 0) return [fine(facts === '' ? 'there are no nodes' : facts)];
    return unsupported.map(({ version, nodes: [first = '', ...others] }) =>
      diagnosis('runtime-unsupported', {
        what: `nodes with ${version} cannot pull from ECR by themselves`,
        why: `the runtime ignores the files that \`up\` writes (${first}${others.length > 0 ? ` and ${others.length} more` : ''})`,
        hint: 'Upgrade the runtime to containerd 1.7 or CRI-O 1.30 or newer. Workloads can also use the names that `ecr-bootstrap images` shows.',
      }),
    );
  },
};
