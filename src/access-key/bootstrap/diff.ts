import { compare, compareAdopted } from '../../cluster/compare.ts';
import { previewObject, previewOf } from '../../cluster/preview.ts';
import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { type ChangeWith, type Diff, type Field, knownAfterApply, type Preview } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { nameOf } from '../../core/target.ts';
import { Secret } from '../../core/secret.ts';
import type { AccessKeyContext } from '../context.ts';
import { isManaged, withManagedLabel, ownerOf } from '../../cluster/objects.ts';
import { asAdoption, keySecretName } from '../../core/ownership.ts';
import { secretTarget } from '../secrets.ts';
import { secretNames } from '../../iam/names.ts';
import { registrationChanges } from '../registration/register.ts';
import { adoptionsOf } from '../../external-secrets/pull-secret/unmanaged.ts';
import {
  isManagedSecret,
  keyIdIn,
  keySecret,
  pullSecretType,
  secret,
} from '../../external-secrets/pull-secret/objects.ts';
import { outdatedFieldsFinding } from './namespace-annotations.ts';
import type { BootstrapChange, BootstrapState, SecretObjectWork } from './state.ts';

type SecretChange = ChangeWith<SecretObjectWork>;

export function diffBootstrap(
  state: BootstrapState,
  { config }: Pick<AccessKeyContext, 'config'>,
): Diff<BootstrapChange> {
  const keyChanges = diffKeySecret(state);
  const newKey = state.stored.state === 'complete' && keyChanges.length > 0;
  const changes: BootstrapChange[] = [
    ...registrationChanges(state.registration, {
      held: keyIdIn(state.observed.keySecret),
      writes: keyChanges.length > 0,
      next: state.stored.state === 'complete' ? state.stored.pair.accessKeyId : undefined,
    }),
    ...diffNamespace(state),
    ...keyChanges,
    ...diffPullSecret(state, config.pullSecret.name, newKey),
    ...adoptionsOf(state.unmanaged),
  ];
  const setup = outdatedFieldsFinding(state);
  if (setup.length > 0) return { changes: [], findings: setup };
  const ownerFindings = Object.values(state.observed).flatMap((object) => ownerFinding(object));
  return {
    changes,
    findings: [
      ...ownerFindings,
      ...incompletePairFinding(state, secretNames(config).id),
      ...unknownFinding(state),
    ],
  };
}

/** An unmanaged namespace is used as is. If it is adopted, `down` deletes it when it is empty. */
function diffNamespace({ namespace, observed: { namespace: actual } }: BootstrapState): BootstrapChange[] {
  const target = targetOf(refOf(namespace));
  const payload = { does: 'writeObject', applies: namespace } as const;
  if (actual === undefined) return [{ action: 'create', target, fields: [], payload }];
  if (isManaged(actual)) {
    const fields = compare(namespace, actual).filter(({ path }) => !isLabel(path));
    return fields.length === 0 ? [] : [{ action: 'update', target, fields, payload }];
  }
  const adoption: BootstrapChange = {
    action: 'update',
    target,
    fields: [],
    payload: { does: 'writeObject', applies: withManagedLabel(namespace) },
  };
  return [asAdoption(adoption, { owner: ownerOf(actual), optional: true })];
}

/** While the key pair is incomplete, only the absence of the Secret can be planned for. */
function diffKeySecret({ stored, observed: { keySecret: actual } }: BootstrapState): SecretChange[] {
  const subject = {
    target: targetOf(refOf(secret(keySecretName, 'Opaque'))),
    payload: { does: 'writeSecret', secret: 'keySecret' },
  } as const;
  if (actual === undefined) return [{ action: 'create', ...subject, fields: [] }];
  if (stored.state !== 'complete') return [];
  const wanted = keySecret(stored.pair, stored.region);
  const isOwn = isManagedSecret(actual);
  const fields = (isOwn ? compare : compareAdopted)(wanted, actual).filter(
    ({ path }) => !(isOwn && isLabel(path)),
  );
  if (fields.length === 0) return [];
  const change: SecretChange = fields.some(({ path }) => path === 'type')
    ? replacement(actual, { ...subject, fields })
    : { action: 'update', ...subject, fields };
  return [adoptingUnmanaged(actual, change)];
}

/** The operator renews the pull secret, so it is changed only when its token does not work or the key changed. */
function diffPullSecret({ observed, token }: BootstrapState, name: string, newKey: boolean): SecretChange[] {
  const actual = observed.pullSecret;
  const subject = {
    target: targetOf(refOf(secret(name, pullSecretType))),
    payload: { does: 'writeSecret', secret: 'pullSecret' },
  } as const;
  if (actual === undefined) return [{ action: 'create', ...subject, fields: [] }];
  if (actual['type'] !== pullSecretType) {
    const field: Field = { path: 'type', from: String(actual['type']), to: pullSecretType };
    const reason = 'the type of a Secret cannot change';
    return [adoptingUnmanaged(actual, replacement(actual, { ...subject, fields: [field], reason }))];
  }
  const reason = refreshReason(token.verdict, newKey);
  if (reason === undefined && isManagedSecret(actual)) return [];
  const update: SecretChange = { action: 'update', ...subject, fields: [newToken] };
  return [adoptingUnmanaged(actual, reason === undefined ? update : { ...update, reason })];
}

const replacement = (actual: KubeObject, change: Omit<SecretChange, 'action'>): SecretChange => ({
  action: 'replace',
  ...change,
  payload: { ...change.payload, deletes: actual },
});

/** Marks the change as an adoption when the Secret is unmanaged. */
const adoptingUnmanaged = (actual: KubeObject, change: SecretChange): SecretChange =>
  isManagedSecret(actual) ? change : asAdoption(change, { owner: ownerOf(actual) });

const newToken: Field = { path: 'data[".dockerconfigjson"]', to: new Secret('') };

function refreshReason(verdict: BootstrapState['token']['verdict'], newKey: boolean): string | undefined {
  if (verdict === 'refused') return 'the registry refuses its token';
  if (verdict === 'absent') return 'it holds no token for this registry';
  return newKey ? 'the access key changed' : undefined;
}

/** A Secret that the operator recreated is managed although it does not have the label. */
const isLabel = (path: string): boolean => path.startsWith('metadata.labels');

/** Blocks when another ExternalSecret owns the object: both would keep overwriting it. */
function ownerFinding(object: KubeObject | undefined): Finding[] {
  const [owner] = object?.kind === 'Secret' ? (object.metadata.ownerReferences ?? []) : [];
  if (!object || !owner || owner.name === object.metadata.name || isManagedSecret(object)) return [];
  const target = targetOf(refOf(object));
  return [
    finding('pull-secret-unmanaged', {
      target,
      what: `${nameOf(target)} is owned by ${owner.kind} ${owner.name}, which ecr-bootstrap does not manage`,
      why: 'both would keep overwriting it',
      hint: `Delete the owner, which deletes the Secret too: kubectl delete ${owner.kind.toLowerCase()} -n ${object.metadata.namespace} ${owner.name}`,
      blocking: true,
    }),
  ];
}

function incompletePairFinding({ stored }: BootstrapState, idSecret: string): Finding[] {
  if (stored.state !== 'mixed') return [];
  return [
    finding('key-pair-mismatch', {
      target: { kind: 'Secret', name: keySecretName },
      what: 'the stored key ID and secret access key do not match',
      why: 'the current versions of the three secrets differ: an earlier write was interrupted',
      hint: 'Run ecr-bootstrap up: its step image-puller-key stores a matching pair.',
      resolvedBy: secretTarget(idSecret),
    }),
  ];
}

function unknownFinding({ token, observed }: BootstrapState): Finding[] {
  if (token.verdict !== 'unknown' || observed.pullSecret === undefined) return [];
  return [
    finding('token-unknown', {
      target: targetOf(refOf(observed.pullSecret)),
      what: "it is unknown whether the registry accepts the pull secret's token",
      why: token.why,
      hint: 'Check that the registry is reachable from this machine, and check HTTPS_PROXY and NO_PROXY.',
    }),
  ];
}

/** The object before and after a change. The values of some Secrets are known only during the run. */
export function previewBootstrap(
  { action, target, payload }: BootstrapChange,
  { stored, observed }: BootstrapState,
): Preview | undefined {
  if (payload.does === 'writeObject') return previewObject({ payload });
  if (payload.does !== 'writeSecret') return undefined;
  const isKey = payload.secret === 'keySecret';
  if (isKey && stored.state === 'complete') {
    return previewOf(keySecret(stored.pair, stored.region), observed.keySecret);
  }
  if (action !== 'create') return undefined;
  const object = isKey
    ? secret(keySecretName, 'Opaque')
    : secret(target.name.split('/').at(-1) ?? '', pullSecretType);
  return { format: 'yaml', after: { ...object, data: knownAfterApply } };
}
