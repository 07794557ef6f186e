import { disabling } from './old-key.ts';
import { kmsKeysInUse } from '../stored.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ChangeWith } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { inOrder, skipped } from '../../core/members.ts';
import type { AccessKeyContext, AnyRotationStep, RotationStep } from '../context.ts';
import { oncePerContext } from '../../core/once.ts';
import { formerFindings, type FormerUsers, observeFormerUsers } from '../former-users.ts';
import { applyKey } from '../apply.ts';
import { keyTarget, policyTarget } from '../../iam/users/targets.ts';
import { diffKey, userAdoption, userFindings } from '../diff.ts';
import { stepsForOtherClusters } from '../next-steps.ts';
import { unmark } from '../protocol.ts';
import { bringsBack, secretChanges, secretFindings } from '../secrets.ts';
import {
  type KeyChange,
  type KeyRevocation,
  type KeyState,
  type ObservedKey,
  observeKey,
  type SecretWork,
} from '../state.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import { clusterLabel, type ClusterRecord } from '../registration/records.ts';
import { ownKeyStatement } from '../../iam/policies/image-puller.ts';
import { diffUser } from '../../iam/users/diff.ts';
import { documentOf, observeUser, type UserState } from '../../iam/users/state.ts';
import { verifyRollOut } from './verify-roll-out.ts';
import { registerRollOut } from './register-roll-out.ts';
import { ObservedKeys } from './observed-keys.ts';
import { clustersToWaitFor, type Rotation } from './state.ts';
import { rollOut } from './roll-out.ts';

/**
 * Revokes a leaked key. The image puller may read its own secrets, because the operator reads them with its key. So
 * every existing key is disabled, and AWS refuses it, before the new key exists. A thief can never read the new key with
 * the leaked one. An interrupted run leaves disabled keys, and `up` creates a new one.
 */
export function forcedRotationSteps(): readonly AnyRotationStep[] {
  const rotation = new ForcedRotation();
  return [
    revocation(rotation),
    replacement(rotation),
    rollOut(rotation.observe, { force: true }),
    deletion(rotation),
    registerRollOut(rotation.observe),
  ];
}

/** What one run knows in addition to AWS: every key that it has observed, and the keys that its new key replaces. */
class ForcedRotation {
  #replaced: ReadonlySet<string> | undefined;
  readonly observedKeys = new ObservedKeys();

  readonly observe = oncePerContext(async (ctx: AccessKeyContext): Promise<Rotation> => {
    const [observed, here] = await Promise.all([observeKey(ctx), clusterId(ctx.cluster)]);
    const key = { ...observed, keys: this.observedKeys.all(observed.keys) };
    const isNew = this.#replaced === undefined;
    const outgoing = key.keys.filter(({ id }) => this.#replaced?.has(id) ?? true);
    return {
      key,
      isNew,
      outgoing,
      waiting: clustersToWaitFor(key, { isNew }, here),
      blockedBy: [],
    };
  });

  /** Records the keys to replace. Called before the new key is created. */
  replace(keys: readonly ObservedKey[]): void {
    this.#replaced = new Set(keys.map(({ id }) => id));
  }
}

interface Revocation extends Rotation {
  readonly former: FormerUsers;
  readonly user: UserState;
}

type RevocationChange = ChangeWith<SecretWork | KeyRevocation>;

const isOfSecret = (change: RevocationChange): change is ChangeWith<SecretWork> => 'part' in change.payload;

const isOfKey = (change: RevocationChange): change is ChangeWith<KeyRevocation> => 'id' in change.payload;

/**
 * Disables one key and deletes all others, because IAM allows only two. The disabled key shows when AWS refuses it. The
 * others come first, so that an interrupted run never leaves an older key as the only working one.
 */
function revocation(forced: ForcedRotation): RotationStep<Revocation, RevocationChange> {
  return {
    id: 'revocation',
    title: 'every existing access key of the image puller',
    group: 'aws',
    topic: 'access-key',
    needs: ['aws'],
    readsLag: true,
    observe: async (ctx) => {
      const [rotation, user, former] = await Promise.all([
        forced.observe(ctx),
        observeUser('imagePuller', ctx, () => kmsKeysInUse(ctx)),
        observeFormerUsers(ctx),
      ]);
      return { ...rotation, user, former };
    },
    diff: ({ key, waiting, user, former }) => {
      const findings = userFindings(key);
      if (findings.some(({ blocking }) => blocking)) return { changes: [], findings };
      const kept = keptKey(key);
      const others = key.keys.filter((one) => one !== kept);
      const enabled = [...others, ...(kept ? [kept] : [])].filter(({ active }) => active);
      return {
        changes: [...missingSecrets(key), ...enabled.map(disabling), ...others.map(deletionOf)],
        findings: [
          ...findings,
          ...policyFindings(user),
          // The leaked key may belong to an earlier user.
          ...formerFindings('imagePuller', former),
          interruption(waiting),
        ],
      };
    },
    apply: async (changes, { key }, run) => {
      const { iam } = run.ctx.aws;
      const stored = await applyKey(changes.filter(isOfSecret), key, run);
      const ofKeys = changes.filter(isOfKey);
      if (stored.some(({ result }) => result !== 'done')) {
        return [...stored, ...skipped(ofKeys)];
      }
      const revoked = await inOrder(ofKeys, run, ({ payload: { does, id } }) =>
        does === 'deleteKey' ? iam.deleteAccessKey(key.userName, id) : iam.disableAccessKey(key.userName, id),
      );
      forced.observedKeys.note(revoked);
      return [...stored, ...revoked];
    },
  };
}

/** Temporary credentials outlive the key. Only the policy's condition prevents that they read the new key. */
function policyFindings(user: UserState): Finding[] {
  const { policy, who } = user.wanted;
  const target = policyTarget(policy.name);
  const isOutdated = diffUser(user).changes.some(
    ({ payload, fields }) =>
      payload.on === 'policy' && fields.some(({ path }) => path.startsWith(`document.${ownKeyStatement}`)),
  );
  if (!isOutdated) return [];
  return [
    finding('needs-administrator', {
      target,
      what: `IAM policy ${policy.name} is outdated: temporary credentials of a leaked key can read the new key`,
      why: 'AWS accepts them for up to 36 hours after the key is deleted, and this policy lets them read the secrets',
      hint: `First run \`ecr-bootstrap up --only ${documentOf[who]}\` as an administrator.`,
    }),
  ];
}

/** Applied first: the working key must not be lost when the new one cannot be stored. */
const missingSecrets = (key: KeyState): ChangeWith<SecretWork>[] => secretChanges(key).filter(bringsBack);

/** The key to test until AWS refuses it, preferably one whose secret access key is stored. */
function keptKey({ keys, pairs }: KeyState): ObservedKey | undefined {
  const stored = pairs.map(({ pair }) => keys.find(({ id }) => id === pair.accessKeyId));
  return stored.find((key) => key !== undefined) ?? keys.toSorted((a, b) => b.created - a.created)[0];
}

const deletionOf = ({ id }: ObservedKey): ChangeWith<KeyRevocation> => ({
  action: 'delete',
  target: keyTarget(id),
  fields: [],
  reason: 'every existing key is treated as leaked',
  grants: true,
  payload: { does: 'deleteKey', id },
});

function interruption(others: readonly ClusterRecord[]): Finding {
  const clusters = `Then run \`ecr-bootstrap up\` for each other cluster of the project, which cannot pull until then: ${others.map(clusterLabel).join('; ')}.`;
  return finding('pulls-interrupted', {
    target: { kind: 'step', name: 'revocation' },
    what: 'pulls may fail until this run has given every namespace a new pull secret',
    why: 'the registry may refuse tokens of a disabled key',
    hint: `If the run is interrupted, run \`ecr-bootstrap up\`.${others.length > 0 ? ` ${clusters}` : ''}`,
  });
}

/** Creates the new key with the protocol of the first key, once AWS refuses the disabled key. */
function replacement(forced: ForcedRotation): RotationStep<Rotation, KeyChange> {
  return {
    id: 'image-puller-key',
    title: 'a new access key of the image puller',
    group: 'aws',
    topic: 'access-key',
    needs: ['aws'],
    readsLag: true,
    observe: forced.observe,
    diff: ({ key, isNew }) => {
      const findings = secretFindings(key);
      if (findings.some(({ blocking }) => blocking)) return { changes: [], findings };
      if (!isNew) return { changes: diffKey(key).changes, findings };
      const secrets = secretChanges(key).filter((change) => !bringsBack(change));
      return { changes: [...userAdoption(key), ...secrets, creation(key)], findings };
    },
    apply: (changes, { key }, run) => {
      const enabled = key.keys.find(({ active }) => active);
      if (enabled) throw enabledAgain(enabled);
      forced.replace(key.keys);
      return applyKey(changes, key, run, { mustCreate: true });
    },
    nextSteps: (ctx) => stepsForOtherClusters(ctx, { givesKey: true, hasRevoked: true }),
  };
}

function creation(key: KeyState): KeyChange {
  const kept = keptKey(key);
  return {
    action: 'create',
    target: keyTarget(key.userName),
    fields: [],
    ...(kept ? { reason: `when AWS has refused ${kept.id} for 30 s` } : {}),
    grants: true,
    payload: { does: 'provideKey' },
  };
}

const enabledAgain = ({ id }: ObservedKey): BootstrapError =>
  new BootstrapError({
    code: 'plan-changed',
    what: 'could not create a new access key',
    why: `access key ${id} was enabled while this run disabled the existing keys`,
    hint: 'Run `ecr-bootstrap rotate --force` again.',
  });

/** Deletes the old key. Namespaces without a token of the new key fail the run only after that. */
function deletion(forced: ForcedRotation): RotationStep<Rotation, ChangeWith<KeyRevocation>> {
  return {
    id: 'old-key',
    title: 'the disabled access key',
    group: 'aws',
    topic: 'access-key',
    needs: ['aws', 'cluster'],
    readsLag: true,
    observe: forced.observe,
    diff: ({ key, isNew, outgoing }) => {
      const kept = keptKey(key);
      const left = isNew ? outgoing.filter(({ id }) => id === kept?.id) : outgoing;
      return { changes: left.map(deletionOf), findings: [] };
    },
    apply: async (changes, { key: { userName, creating } }, run) => {
      const deleted = await inOrder(changes, run, ({ payload }) =>
        run.ctx.aws.iam.deleteAccessKey(userName, payload.id),
      );
      forced.observedKeys.note(deleted);
      // An interrupted run had created one of these keys. Its tag is kept until they are deleted.
      if (creating && deleted.every(({ result }) => result === 'done')) await unmark(run, userName);
      return deleted;
    },
    ready: (rotation, run) =>
      verifyRollOut(
        run,
        rotation,
        'The old key is deleted. Run `ecr-bootstrap up`, which gives the cluster the new one.',
      ),
  };
}
