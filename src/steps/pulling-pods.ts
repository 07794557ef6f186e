import { fullName } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { mirroringForPods } from '../mirror/internet.ts';
import { isFinished } from '../cluster/workloads.ts';
import type { Step } from './context.ts';
import { nodeNamespace, operatorNamespace } from '../core/ownership.ts';
import { finding } from '../core/findings.ts';

const ownNamespaces = new Set<string | undefined>([operatorNamespace, nodeNamespace]);

/** `kubectl get pods -A` lists all of them. */
const maxShown = 20;

/** Reports which pods lose their pull secret. Changes nothing. */
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
      .map(({ metadata }) => fullName(metadata));
  },
  diff: (pods) => ({
    changes: [],
    findings: pods.length === 0 ? [] : [pullEnding(pods)],
  }),
  apply: () => Promise.resolve([]),
};

function imagesOf({ spec }: KubeObject): readonly string[] {
  const { containers = [], initContainers = [] } = (spec ?? {}) as {
    containers?: readonly { image?: string }[];
    initContainers?: readonly { image?: string }[];
  };
  return [...initContainers, ...containers].flatMap(({ image }) => image ?? []);
}

function pullEnding(pods: readonly string[]) {
  const names = pods.slice(0, maxShown).join(', ');
  const more = pods.length > maxShown ? ` and ${pods.length - maxShown} more` : '';
  return finding('image-access-lost', {
    target: { kind: 'Pod', name: pods[0] ?? '' },
    what: `${pods.length === 1 ? '1 pod uses' : `${pods.length} pods use`} images of this ECR and will lose access to them`,
    why: `without the pull secret and the files on nodes they cannot restart on a node that does not have the image cached: ${names}${more}`,
    hint: 'To keep them running, first give them another registry or pull secret.',
  });
}
