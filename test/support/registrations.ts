import type { Cluster } from '../../sandbox/cluster/index.ts';
import type { Secret } from '../../sandbox/aws/secret-store.ts';
import type { Faults } from '../../sandbox/faults.ts';

interface Watched {
  readonly cluster: Pick<Cluster, 'get'>;
  readonly faults: Faults;
  readonly aws: { readonly secrets: { all(): readonly Secret[] } };
}

/** The registration of a cluster in its tag. */
export function registrationOf({ cluster, aws }: Omit<Watched, 'faults'>): string | undefined {
  const tag = `ecr-bootstrap:cluster/${cluster.get('Namespace', 'kube-system')?.metadata.uid ?? ''}`;
  return aws.secrets
    .all()
    .map(({ tags }) => tags.get(tag))
    .find((value) => value !== undefined);
}

/**
 * Watches that the cluster is registered when its access key is written, and at each write while it holds one.
 * @returns the requests at which it was not registered
 */
export function watchRegistration(watched: Watched): readonly string[] {
  const { cluster, faults } = watched;
  const unregistered: string[] = [];
  faults.onCall(({ service, operation, resource, writes }) => {
    if (!writes) return;
    const isOfKey = service === 'kubernetes' && resource === 'external-secrets/image-puller';
    const writesKey = isOfKey && / secrets$/.test(operation) && !operation.startsWith('delete');
    if ((writesKey || holdsKey(cluster)) && registrationOf(watched) === undefined)
      unregistered.push(`${operation} ${resource ?? ''}`);
  });
  return unregistered;
}

function holdsKey(cluster: Watched['cluster']): boolean {
  const { data } = (cluster.get('Secret', 'image-puller', 'external-secrets') ?? {}) as {
    data?: Readonly<Record<string, string>>;
  };
  return data?.['AWS_ACCESS_KEY_ID'] !== undefined;
}
