import { fullName } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { isFinished } from './workloads.ts';
import type { ClusterContext } from './context.ts';

/** What pulls with the pull secrets that it lists. */
export interface PullSecretUser {
  readonly namespace: string;
  /** `Deployment shop/web`. */
  readonly name: string;
  readonly pullSecrets: readonly string[];
  /** It lists none itself: these are of its service account, and change with it. */
  readonly byAccount: boolean;
}

/** Names in a service account's list, in its order. */
export const pullSecretsOf = (account: KubeObject): readonly string[] => namesIn(account['imagePullSecrets']);

/** Running pods, and the templates of pods to come. A Job is left out: its pods stand for it, and it ends. */
export async function readUsers({ inventory }: ClusterContext): Promise<readonly PullSecretUser[]> {
  const [pods, workloads, accounts] = await Promise.all([
    inventory.pods(),
    inventory.workloads(),
    inventory.serviceAccounts(),
  ]);
  const ofAccounts = new Map(accounts.map((account) => [fullName(account.metadata), pullSecretsOf(account)]));
  return [
    ...workloads
      .filter(({ kind }) => kind !== 'Pod' && kind !== 'Job')
      .map(({ kind, namespace, name, pullSecrets, serviceAccount }) => ({
        namespace,
        name: `${kind} ${namespace}/${name}`,
        pullSecrets:
          pullSecrets.length > 0 ? pullSecrets : (ofAccounts.get(`${namespace}/${serviceAccount}`) ?? []),
        byAccount: pullSecrets.length === 0,
      })),
    ...pods
      .filter((pod) => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec }) => ({
        namespace: metadata.namespace ?? '',
        name: `Pod ${fullName(metadata)}`,
        pullSecrets: namesIn((spec as { imagePullSecrets?: unknown } | undefined)?.imagePullSecrets),
        byAccount: false,
      })),
  ];
}

function namesIn(list: unknown): readonly string[] {
  return ((list ?? []) as readonly { readonly name?: string }[]).flatMap(({ name }) => (name ? [name] : []));
}

const maxShown = 5;

/** `Deployment shop/web, Pod shop/job-1 and 12 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, maxShown).join(', ');
  return names.length > maxShown ? `${shown} and ${names.length - maxShown} more` : shown;
}
