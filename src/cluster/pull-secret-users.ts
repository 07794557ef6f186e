import { fullName } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { isActive } from './workloads.ts';
import type { ClusterContext } from './context.ts';

/** A pod, or a workload with a pod template, and its pull secrets. */
export interface PullSecretUser {
  readonly namespace: string;
  /** `Deployment shop/web`. */
  readonly name: string;
  readonly pullSecrets: readonly string[];
  /** The pull secrets are those of its service account, because it lists none. */
  readonly fromServiceAccount: boolean;
}

/** The pull secrets of a service account, in order. */
export const pullSecretsOf = (account: KubeObject): readonly string[] => namesIn(account['imagePullSecrets']);

/** The pull secrets that the spec of a pod lists. */
export const podPullSecrets = (spec: unknown): readonly string[] =>
  namesIn((spec as { imagePullSecrets?: unknown } | undefined)?.imagePullSecrets);

/** Running pods, and pod templates. Jobs are left out, because their pods are included and they end. */
export async function readUsers({ inventory }: ClusterContext): Promise<readonly PullSecretUser[]> {
  const [pods, workloads, accounts] = await Promise.all([
    inventory.pods(),
    inventory.workloads(),
    inventory.serviceAccounts(),
  ]);
  const secretsByAccount = new Map(
    accounts.map((account) => [fullName(account.metadata), pullSecretsOf(account)]),
  );
  return [
    ...workloads
      .filter(({ kind }) => kind !== 'Pod' && kind !== 'Job')
      .map(({ kind, namespace, name, pullSecrets, serviceAccount }) => ({
        namespace,
        name: `${kind} ${namespace}/${name}`,
        pullSecrets:
          pullSecrets.length > 0
            ? pullSecrets
            : (secretsByAccount.get(`${namespace}/${serviceAccount}`) ?? []),
        fromServiceAccount: pullSecrets.length === 0,
      })),
    ...pods.filter(isActive).map(({ metadata, spec }) => ({
      namespace: metadata.namespace ?? '',
      name: `Pod ${fullName(metadata)}`,
      pullSecrets: podPullSecrets(spec),
      fromServiceAccount: false,
    })),
  ];
}

function namesIn(list: unknown): readonly string[] {
  return ((list ?? []) as readonly { readonly name?: string }[]).flatMap(({ name }) => (name ? [name] : []));
}

const maxShown = 5;

/** `Deployment shop/web, Pod shop/job-1 and 12 more`. */
export function joinNames(names: readonly string[]): string {
  const shown = names.slice(0, maxShown).join(', ');
  return names.length > maxShown ? `${shown} and ${names.length - maxShown} more` : shown;
}
