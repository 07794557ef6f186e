import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { renderTemplate } from '../../cluster/templates.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { excludeMark, namespaceSelector, observeCoverage } from '../../cluster/coverage.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { annotated, owned } from '../../cluster/objects.ts';
import { managedBy, operatorNamespace } from '../../core/ownership.ts';

/** The Role that may read the pull secret, and those of earlier names. */
export const readerRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  name: 'pull-secret-reader',
  namespace: operatorNamespace,
};

const store = {
  apiVersion: 'external-secrets.io/v1beta1',
  kind: 'ClusterSecretStore',
  name: 'pull-secret',
};

export async function renewalObjects(ctx: ExternalSecretsContext): Promise<readonly KubeObject[]> {
  const { aws, pullSecret, users } = ctx.config;
  const { exclude } = ctx.config.namespaces;
  const [coverage, actual, earlier] = await Promise.all([
    observeCoverage(ctx),
    ctx.cluster.get(store),
    earlierPullSecrets(ctx),
  ]);
  const objects = await renderTemplate('renewal', {
    namespace: operatorNamespace,
    region: aws.region,
    user: users.imagePuller.name,
    pullSecret: pullSecret.name,
    readable: [pullSecret.name, ...earlier.map(({ name }) => name)],
    renewEvery: pullSecret.renewEvery,
    labels: managedBy,
    namespaceSelector: namespaceSelector(coverage, exclude, actual),
  });
  return objects.map((object) =>
    object.kind === store.kind ? annotated(owned(object), excludeMark(exclude)) : owned(object),
  );
}
