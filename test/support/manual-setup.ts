import { loadAll } from 'js-yaml';
import type { Draft } from '../../sandbox/cluster/objects.ts';
import { operatorManifest, type World } from '../../sandbox/world.ts';
import { Secret } from '../../sandbox/aws/secret-store.ts';
import type { KeyPair } from '../../sandbox/ports.ts';

/**
 * Sets up what the manual guide creates for project `shop`. None of it is tagged or labeled as managed.
 * @returns the image puller's key
 */
export function setUpManually({ aws, cluster, account, region, clock }: World): KeyPair {
  aws.addUser('power-user');
  const pull = aws.identities.arn('policy', '/', 'AmazonEC2ContainerRegistryPullOnly', 'aws');
  const { key } = aws.addUser('image-puller', pull);
  const document = '{"Version":"2012-10-17","Statement":[]}';
  aws.identities.addPolicy(account, 'ecr-bootstrap-image-puller', '/', document);
  const values = {
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    REGION: region,
  };
  for (const [name, value] of Object.entries(values)) {
    const prefix = `arn:aws:secretsmanager:${region}:${account}:secret:`;
    const secret = new Secret(prefix, `image-puller-${name}`, clock.now());
    secret.put(value, ['AWSCURRENT'], clock.now());
    aws.secrets.add(secret);
  }
  aws.registry.seed('shop/external-secrets', 'made-by-hand', { layers: 2 });
  const namespace = 'external-secrets';
  cluster.put({ kind: 'Namespace', metadata: { name: namespace } });
  cluster.put({ kind: 'Secret', metadata: { name: 'puller', namespace }, type: 'Opaque' });
  for (const object of operatorByHelm()) cluster.put(object);
  return key;
}

/** The objects as `helm install external-secrets -n external-secrets` creates them. */
function operatorByHelm(): Draft[] {
  const text = operatorManifest()
    .replaceAll('namespace: default', 'namespace: external-secrets')
    .replaceAll('-namespace=default', '-namespace=external-secrets')
    .replaceAll('webhook.default.svc', 'webhook.external-secrets.svc');
  return (loadAll(text) as Draft[]).map((object) => {
    const { metadata } = object;
    const labels = { ...metadata.labels, 'app.kubernetes.io/managed-by': 'Helm' };
    const release = { name: 'external-secrets', namespace: 'external-secrets' };
    const annotations = {
      'meta.helm.sh/release-name': release.name,
      'meta.helm.sh/release-namespace': release.namespace,
    };
    // The API server sets the default type of a Secret.
    const type = object.kind === 'Secret' ? { type: 'Opaque' } : {};
    return { ...object, ...type, metadata: { ...metadata, labels, annotations } };
  });
}
