import type { KubeObject } from '../clients/kubernetes/port.ts';
import { mirroringForPods } from '../mirror/internet.ts';
import { imagesOf, isFinished, workloadName } from '../cluster/workloads.ts';
import type { Step } from './context.ts';
import { nodeNamespace, operatorNamespace } from '../core/ownership.ts';
import { finding } from '../core/findings.ts';

const ownNamespaces = new Set<string | undefined>([operatorNamespace, nodeNamespace]);

/** `kubectl get pods -A` lists all of them. */
const maxShown = 5;

/** Reports which workloads lose their pull secret. Changes nothing. The state is the workload of each pod. */
export const pullingPods: Step<readonly string[]> = {
  id: 'pods',
  title: 'pods with images of this ECR',
  group: 'workloads',
  needs: ['aws', 'cluster'],
  rights: [
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['list'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['get'] },
  ],
  observe: async (ctx) => {
    const [pods, host, isMirrored] = await Promise.all([
      ctx.inventory.pods(),
      ctx.registryHost(),
      mirroringForPods(ctx),
    ]);
    const isFromEcr = (pod: KubeObject): boolean =>
      imagesOf(pod).some((image) => image.startsWith(`${host}/`) || isMirrored(image, pod));
    return pods
      .filter((pod) => !ownNamespaces.has(pod.metadata.namespace) && !isFinished(pod) && isFromEcr(pod))
      .map(workloadName);
  },
  diff: (workloads) => ({
    changes: [],
    findings: workloads.length === 0 ? [] : [pullEnding(workloads)],
  }),
  apply: () => Promise.resolve([]),
};

/** Those of the users first. */
const rankOf = (name: string): number => (name.startsWith('kube-') ? 1 : 0);

/** @param workloads the workload of each pod */
function pullEnding(workloads: readonly string[]) {
  const names = [...new Set(workloads)].sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  const more = names.length > maxShown ? ` and ${names.length - maxShown} more` : '';
  const shown = `${names.slice(0, maxShown).join(', ')}${more}`;
  const pods = workloads.length === 1 ? '1 pod' : `${workloads.length} pods`;
  const where = names.length === 1 ? `1 workload (${shown})` : `${names.length} workloads (${shown})`;
  return finding('image-access-lost', {
    target: { kind: 'workload', name: names[0] ?? '' },
    what: `${pods} in ${where} ${workloads.length === 1 ? 'loses' : 'lose'} image access`,
    why: 'without the pull secret and the files on nodes, they cannot restart on a node that does not have their images',
    hint: 'To keep them running, first give them another registry or pull secret.',
  });
}
