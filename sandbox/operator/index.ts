import type { WebhookCall } from '../cluster/admission.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { Pod } from '../cluster/pods.ts';
import type { ObjectStore } from '../cluster/store.ts';
import type { AwsForCluster } from '../ports.ts';
import { ClusterExternalSecrets } from './cluster-external-secret.ts';
import { controllerRuns, distributeCertificates, probe, requireWebhook } from './deployments.ts';
import { ExternalSecrets } from './external-secret.ts';
import { Providers } from './providers.ts';
import { refusal } from './validation.ts';

/**
 * External Secrets Operator 0.12.1's part in rotation. Each of its programs acts only while a pod of it runs:
 * the cert-controller's from its start, the controller's and the webhook's once they are ready.
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
   * Does whatever is due now.
   * @param retry whether what failed is tried again.
   * @returns whether something is failing.
   */
  async run(retry: boolean): Promise<boolean> {
    distributeCertificates(this.#plane);
    if (!controllerRuns(this.#plane)) return false;
    this.#providers.checkStores();
    this.#clusterExternalSecrets.run();
    return this.#externalSecrets.run(retry);
  }
}

/** The validating webhook of the operator, as the API server reaches it; deletions are let through. */
export function operatorWebhook(store: ObjectStore): WebhookCall {
  return (client, verb, object) => {
    requireWebhook(store, client);
    return verb === 'DELETE' ? undefined : refusal(object);
  };
}

/** The readiness probes of the operator's pods; any other pod that runs is ready. */
export function operatorProbe(store: ObjectStore): (pod: Pod) => boolean {
  return (pod) => probe(store, pod);
}
