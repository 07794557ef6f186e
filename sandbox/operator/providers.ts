import type { ControlPlane } from '../cluster/control-plane.ts';
import { isAllowed, serviceAccountUser } from '../cluster/rbac.ts';
import { isTrue, withCondition } from '../cluster/store.ts';
import type { AwsForCluster, KeyPair } from '../ports.ts';
import type { AwsAuth, EcrAuthorizationToken, ExternalSecret, Secret, Store } from './types.ts';

type Values = Record<string, string>;

/** The data sources of ExternalSecrets: stores and the ECR generator. */
export class Providers {
  readonly #plane: ControlPlane;
  readonly #aws: AwsForCluster;

  constructor(plane: ControlPlane, aws: AwsForCluster) {
    this.#plane = plane;
    this.#aws = aws;
  }

  /** Sets the Ready condition of every store. Ready does not mean that the provider works: no provider is called. */
  checkStores(): void {
    const { store: objects, clock } = this.#plane;
    for (const store of [
      ...objects.list<Store>('SecretStore'),
      ...objects.list<Store>('ClusterSecretStore'),
    ]) {
      const failure = this.#clientFailure(store);
      if (failure !== undefined) {
        this.#plane.event(store, 'Warning', 'InvalidProviderConfig', failure, store.kind.toLowerCase());
      }
      const condition = failure
        ? ({ status: 'False', reason: 'InvalidProviderConfig', message: 'unable to create client' } as const)
        : ({ status: 'True', reason: 'Valid', message: 'store validated' } as const);
      const conditions = withCondition(
        store.status?.conditions,
        { type: 'Ready', ...condition },
        clock.now(),
      );
      this.#plane.setStatus(store, { capabilities: 'ReadWrite', conditions });
    }
  }

  /**
   * The values from `dataFrom` and `data` of an ExternalSecret.
   * @throws Error with the operator's message for the Warning event
   */
  async read({ metadata, spec }: ExternalSecret): Promise<Values> {
    const { namespace = '' } = metadata;
    const values: Values = {};
    for (const [index, { extract, sourceRef }] of (spec.dataFrom ?? []).entries()) {
      const reference = sourceRef?.generatorRef;
      if (extract) {
        const read = async () =>
          this.#extract(this.#storeOf(spec.secretStoreRef, namespace), namespace, extract.key);
        Object.assign(values, await inContext(`spec.dataFrom[${index}].extract`, read));
      } else if (reference) {
        const generate = () => this.#generateToken(reference.name, namespace);
        Object.assign(values, await inContext(`spec.dataFrom[${index}].sourceRef.generatorRef`, generate));
      }
    }
    for (const [index, { secretKey, remoteRef }] of (spec.data ?? []).entries()) {
      const read = async () =>
        this.#value(
          this.#storeOf(spec.secretStoreRef, namespace),
          namespace,
          remoteRef.key,
          remoteRef.property,
        );
      values[secretKey] = await inContext(`spec.data[${index}] (key: ${remoteRef.key})`, read);
    }
    return values;
  }

  /** The number of stages that an ExternalSecret depends on: 0 for the key, 1 for the token, 2 for the copies. */
  stage({ metadata, spec }: ExternalSecret): number {
    if (spec.dataFrom?.some(({ sourceRef }) => sourceRef?.generatorRef)) return 1;
    const { kind = 'SecretStore', name = '' } = spec.secretStoreRef ?? {};
    const scope = kind === 'ClusterSecretStore' ? '' : metadata.namespace;
    return this.#plane.store.get<Store>(kind, name, scope)?.spec.provider.kubernetes ? 2 : 0;
  }

  #storeOf(reference: ExternalSecret['spec']['secretStoreRef'], namespace: string): Store {
    const { kind = 'SecretStore', name = '' } = reference ?? {};
    const scope = kind === 'ClusterSecretStore' ? '' : namespace;
    const store = this.#plane.store.get<Store>(kind, name, scope);
    if (store === undefined)
      throw new Error(`could not get ${kind} "${name}", ${kind}.external-secrets.io "${name}" not found`);
    if (!isTrue(store, 'Ready')) throw new Error(`${kind} "${name}" is not ready`);
    return store;
  }

  /** Why no client can be created for a store. */
  #clientFailure({ spec, metadata }: Store): string | undefined {
    const { aws, kubernetes } = spec.provider;
    const { name = '', namespace = metadata.namespace ?? '' } = kubernetes?.auth?.serviceAccount ?? {};
    if (kubernetes && !this.#plane.store.get('ServiceAccount', name, namespace)) {
      return `cannot request Kubernetes service account token for service account "${name}": serviceaccounts "${name}" not found`;
    }
    try {
      if (aws) this.#keyPair(aws.auth, metadata.namespace ?? '');
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #extract(store: Store, namespace: string, key: string): Promise<Values> {
    if (store.spec.provider.kubernetes) return decoded(this.#remoteSecret(store, key));
    const text = await this.#value(store, namespace, key);
    return JSON.parse(text) as Values;
  }

  async #value(store: Store, namespace: string, key: string, property?: string): Promise<string> {
    const { aws } = store.spec.provider;
    if (aws && property === undefined) {
      return this.#aws.getSecretValue(
        this.#keyPair(aws.auth, store.metadata.namespace ?? namespace),
        aws.region,
        key,
      );
    }
    const value = (await this.#extract(store, namespace, key))[property ?? ''];
    if (value === undefined) throw new Error(`property ${property ?? ''} does not exist in key ${key}`);
    return value;
  }

  /** Reads a Secret with the permissions of the store's service account. */
  #remoteSecret({ spec, metadata }: Store, name: string): Secret {
    const { remoteNamespace: namespace = 'default', auth } = spec.provider.kubernetes ?? {};
    const account = auth?.serviceAccount;
    const user = serviceAccountUser(account?.namespace ?? metadata.namespace ?? '', account?.name ?? '');
    if (!isAllowed(this.#plane.store, user, { verb: 'get', resource: 'secrets', namespace, name })) {
      const who = `User "${user.username}" cannot get resource "secrets" in API group ""`;
      throw new Error(`secrets "${name}" is forbidden: ${who} in the namespace "${namespace}"`);
    }
    const secret = this.#plane.store.get<Secret>('Secret', name, namespace);
    if (secret === undefined) throw new Error('Secret does not exist');
    return secret;
  }

  /** Reads the generator and its key in the namespace of the ExternalSecret. */
  async #generateToken(name: string, namespace: string): Promise<Values> {
    const generator = this.#plane.store.get<EcrAuthorizationToken>('ECRAuthorizationToken', name, namespace);
    if (generator === undefined) {
      throw new Error(`ecrauthorizationtokens.generators.external-secrets.io "${name}" not found`);
    }
    const { region, auth } = generator.spec;
    const call = async () => this.#aws.getAuthorizationToken(this.#keyPair(auth, namespace), region);
    const { authorizationToken, expiresAt, proxyEndpoint } = await call().catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`error using generator: unable to get authorization token: ${why}`, { cause: error });
    });
    const [username = '', password = ''] = Buffer.from(authorizationToken, 'base64').toString().split(':');
    const seconds = String(Math.floor(expiresAt / 1000));
    return { username, password, proxy_endpoint: proxyEndpoint, expires_at: seconds };
  }

  #keyPair(auth: AwsAuth | undefined, namespace: string): KeyPair {
    const { accessKeyIDSecretRef, secretAccessKeySecretRef } = auth?.secretRef ?? {};
    const read = (what: string, reference: { name: string; key: string } = { name: '', key: '' }) => {
      const secret = this.#plane.store.get<Secret>('Secret', reference.name, namespace);
      const why = `secrets "${reference.name}" not found`;
      if (!secret)
        throw new Error(
          `could not fetch ${what} secret: cannot get Kubernetes secret "${reference.name}": ${why}`,
        );
      const value = decoded(secret)[reference.key];
      if (value === undefined) {
        throw new Error(
          `could not fetch ${what} secret: cannot find secret data for key: "${reference.key}"`,
        );
      }
      return value;
    };
    return {
      accessKeyId: read('accessKeyID', accessKeyIDSecretRef),
      secretAccessKey: read('SecretAccessKey', secretAccessKeySecretRef),
    };
  }
}

function decoded(secret: Secret): Values {
  const entries = Object.entries(secret.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

async function inContext<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`error processing ${where}, err: ${why}`, { cause: error });
  }
}
