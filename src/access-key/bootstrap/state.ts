import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ChangeWith } from '../../core/step.ts';
import type { AccessKeyContext } from '../context.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import type { ObjectWork } from '../../cluster/objects.ts';
import { describeStored, holderOf, secretParts } from '../stored.ts';
import { secretNames } from '../../iam/names.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import { type Registration, registrationIn } from '../registration/register.ts';
import {
  type PullSecretAdoption,
  unmanagedPullSecrets,
} from '../../external-secrets/pull-secret/unmanaged.ts';
import { loginIn, namespaceObject } from '../../external-secrets/pull-secret/objects.ts';
import type { KeyPair } from '../../clients/aws/port.ts';

/** The ID and rights of the step, which the rotation uses too. */
export const bootstrapStep = {
  id: 'pull-secret-bootstrap',
  group: 'pull-secrets',
  needs: ['aws', 'cluster'],
  rights: [
    {
      apiGroups: [''],
      resources: ['namespaces', 'secrets'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['get', 'list', 'patch'],
    },
    { apiGroups: [''], resources: ['namespaces', 'secrets'], verbs: ['list'] },
  ],
} as const;

/** What `apply` does for one change. */
export type BootstrapWork =
  | { readonly does: 'register' }
  /** Writes the operator's namespace, or deletes it or a Secret in it. */
  | ({ readonly does: 'writeObject' } & ObjectWork)
  | SecretObjectWork
  | PullSecretAdoption;

/** Writes a Secret of the operator's namespace with the values that AWS returns during the run. */
export interface SecretObjectWork {
  readonly does: 'writeSecret';
  readonly secret: 'keySecret' | 'pullSecret';
  /** The object that it replaces. */
  readonly deletes?: KubeObject;
}

export type BootstrapChange = ChangeWith<BootstrapWork>;

export interface BootstrapState {
  /** The desired namespace. */
  readonly namespace: KubeObject;
  readonly stored: CurrentPair;
  readonly registration: Registration;
  readonly observed: {
    readonly namespace: KubeObject | undefined;
    readonly keySecret: KubeObject | undefined;
    readonly pullSecret: KubeObject | undefined;
  };
  /** Pull secrets of earlier names, metadata only. */
  readonly earlier: readonly KubeObject[];
  readonly token: TokenVerdict;
  /** Unmanaged pull secrets in other namespaces. */
  readonly unmanaged: readonly KubeObject[];
}

/** Whether the registry accepts the token in the pull secret. */
export type TokenVerdict =
  | { readonly verdict: 'accepted' | 'refused' | 'absent' }
  | { readonly verdict: 'unknown'; readonly why: string };

export async function observeBootstrap(ctx: AccessKeyContext): Promise<BootstrapState> {
  const { cluster, config } = ctx;
  const v1 = { apiVersion: 'v1' } as const;
  const [host, secrets, stored, id, seenNamespace, keySecret, pullSecret, unmanaged, earlier] =
    await Promise.all([
      ctx.registryHost(),
      describeStored(ctx),
      readStoredPair(ctx),
      clusterId(cluster),
      cluster.get({ ...v1, kind: 'Namespace', name: namespace }),
      cluster.get({ ...v1, kind: 'Secret', name: keySecretName, namespace }),
      cluster.get({ ...v1, kind: 'Secret', name: config.pullSecret.name, namespace }),
      unmanagedPullSecrets(ctx),
      earlierPullSecrets(ctx),
    ]);
  return {
    namespace: namespaceObject({ project: config.project, registryHost: host }, seenNamespace),
    stored,
    registration: registrationIn(secretNames(config).id, id, secrets.id?.tags),
    observed: { namespace: seenNamespace, keySecret, pullSecret },
    earlier: earlier.flatMap(({ objects }) => objects.filter(({ kind }) => kind === 'Secret')),
    token: await judgeToken(ctx, host, pullSecret),
    unmanaged,
  };
}

/** Verifies the token by use and not by age, because tokens may stop working when their key is deleted. */
async function judgeToken(
  ctx: AccessKeyContext,
  host: string,
  pullSecret: KubeObject | undefined,
): Promise<TokenVerdict> {
  const login = pullSecret && loginIn(pullSecret, host);
  if (login === undefined) return { verdict: 'absent' };
  try {
    return { verdict: (await ctx.isLoginAccepted(host, login)) ? 'accepted' : 'refused' };
  } catch (error) {
    if (error instanceof BootstrapError) return { verdict: 'unknown', why: error.why };
    throw error;
  }
}

/** The image puller's key as stored in Secrets Manager. */
export type CurrentPair =
  | { readonly state: 'complete'; readonly pair: KeyPair; readonly region: string }
  /** The three values come from different writes, so they may not match. */
  | { readonly state: 'mixed' }
  | { readonly state: 'absent' };

/** Reads the current pair by version, so that a write in between cannot mix two pairs. */
async function readStoredPair(ctx: AccessKeyContext): Promise<CurrentPair> {
  const { secrets } = ctx.aws;
  const names = secretNames(ctx.config);
  const stored = await describeStored(ctx);
  const versions = secretParts.map((part) =>
    stored[part]?.deleted ? undefined : holderOf(stored[part], 'AWSCURRENT'),
  );
  const [version] = versions;
  if (version === undefined || versions.includes(undefined)) return { state: 'absent' };
  if (versions.some((other) => other !== version)) return { state: 'mixed' };
  const values = await Promise.all(secretParts.map((part) => secrets.value(names[part], { id: version })));
  const [id, secretAccessKey, region] = values;
  if (id === undefined || secretAccessKey === undefined || region === undefined) return { state: 'absent' };
  return { state: 'complete', pair: { accessKeyId: id.reveal(), secretAccessKey }, region: region.reveal() };
}
