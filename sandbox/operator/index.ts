import type { WebhookCall } from '../cluster/admission.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { Pod } from '../cluster/pods.ts';
import type { ObjectStore } from '../cluster/store.ts';
import type { AwsForCluster } from '../ports.ts';
import { ClusterExternalSecrets } from './cluster-external-secret.ts';
import { controllerRuns, distributeCertificates, probe, requireWebhook } from './deployments.ts';
import { ExternalSecrets } from './external-secret.ts';
import { Providers } from './providers.ts';
import type { KubeObject } from '../cluster/objects.ts';
import type { ExternalSecret, Store } from './types.ts';

/**
 * The behavior of External Secrets Operator 0.12.1 in rotation. Each of its programs acts only while one of its pods
 * runs: the cert-controller from the start of the pod, the controller and the webhook when the pod is ready.
 */
export class Operator {
  readonly #plane: ControlPlane;
  readonly #providers: Providers;
  readonly #externalSecrets: ExternalSecrets;
  readonly #clusterExternalSecrets: ClusterExternalSecrets;

  constructor(plane: ControlPlane, aws: AwsForCluster) {
    this.#plane = plane;
    this.#providers = new Providers(plane, aws);
    this.#externalSecrets = new ExternalSecrets(plane, this.#providers);
    this.#clusterExternalSecrets = new ClusterExternalSecrets(plane);
  }

  /**
   * Performs the work that is due.
   * @param retry whether to retry failed work
   * @returns whether some work fails
   */
  async run(retry: boolean): Promise<boolean> {
    distributeCertificates(this.#plane);
    if (!controllerRuns(this.#plane)) return false;
    this.#providers.checkStores();
    this.#clusterExternalSecrets.run();
    return this.#externalSecrets.run(retry);
  }
}

/** The validating webhook of the operator, as the API server calls it. It allows deletions. */
export function operatorWebhook(store: ObjectStore): WebhookCall {
  return (client, verb, object) => {
    requireWebhook(store, client);
    return verb === 'DELETE' ? undefined : refusal(object);
  };
}

/** The readiness probes of the operator's pods. Any other running pod is ready. */
export function operatorProbe(store: ObjectStore): (pod: Pod) => boolean {
  return (pod) => probe(store, pod);
}

/** Why the operator's validating webhook denies an object; undefined when it allows the object. */
function refusal(object: KubeObject): string | undefined {
  if (object.kind === 'ExternalSecret') return refuseExternalSecret(object as ExternalSecret);
  return refuseStore(object as Store);
}

function refuseExternalSecret({ spec }: ExternalSecret): string | undefined {
  const { data = [], dataFrom = [] } = spec;
  const errors: string[] = [];
  if (data.length === 0 && dataFrom.length === 0) errors.push('either data or dataFrom should be specified');
  for (const { extract, find, sourceRef } of dataFrom) {
    const sources = [extract, find, sourceRef?.generatorRef].filter((source) => source !== undefined);
    if (sources.length > 1) errors.push('extract, find, or generatorRef cannot be set at the same time');
    if (!extract && !find && !sourceRef)
      errors.push('either extract, find, or sourceRef must be set to dataFrom');
  }
  return errors.length === 0 ? undefined : errors.join('\n');
}

/** Regions that are newer than the AWS SDK of the operator's release. The operator accepts only regions in its SDK. */
const UNKNOWN_REGIONS = /^(eusc-|mx-|ap-east-2|ap-southeast-[5-9]|[a-z]+-iso[ef]-|us-isob-west-)/;

function refuseStore({ kind, spec }: Store): string | undefined {
  const { region = '' } = spec.provider.aws ?? {};
  if (UNKNOWN_REGIONS.test(region)) return `region not found: ${region}`;
  const { server, auth } = spec.provider.kubernetes ?? {};
  if (spec.provider.kubernetes === undefined) return undefined;
  if (!server?.caBundle && !server?.caProvider) return 'a CABundle or CAProvider is required';
  if (kind !== 'ClusterSecretStore') return undefined;
  if (server.caProvider && !server.caProvider.namespace) {
    return 'CAProvider.namespace must not be empty with ClusterSecretStore';
  }
  return auth?.serviceAccount && !auth.serviceAccount.namespace
    ? 'cluster scope requires namespace'
    : undefined;
}
