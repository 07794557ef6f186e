import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Change, ChangeWith, Outcome } from '../../core/step.ts';
import { inOrder } from '../../core/members.ts';
import { nameOf } from '../../core/target.ts';
import type { AccessKeyRun } from '../context.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { applyObjects, type ObjectsState, owned } from '../../cluster/objects.ts';
import { registerUnverified } from '../registration/register.ts';
import { adoptPullSecret } from '../../external-secrets/pull-secret/unmanaged.ts';
import {
  keyIdIn,
  keySecret,
  pullSecret,
  pullSecretType,
  secret,
} from '../../external-secrets/pull-secret/objects.ts';
import { keySecretName } from '../../core/ownership.ts';
import { resync } from '../../external-secrets/pull-secret/resync.ts';
import type { BootstrapChange, BootstrapState, ObjectWork } from './state.ts';

/** Registers the cluster, then writes the namespace and the Secrets, and makes the operator use them. */
export async function applyBootstrap(
  changes: readonly BootstrapChange[],
  state: BootstrapState,
  run: AccessKeyRun,
): Promise<Outcome[]> {
  const ofObjects = changes.filter(isOfObject);
  const wanted = [namespaceFor(ofObjects, state), ...(await secretsFor(ofObjects, state, run))];
  const registered = await register(changes.filter(isRegistration), state, run);
  if (registered.some(({ result }) => result !== 'done')) {
    const rest = changes.filter((change) => !isRegistration(change));
    return [...registered, ...rest.map((change): Outcome => ({ change, result: 'skipped' }))];
  }
  const outcomes = await applyObjects(ofObjects, objectsOf(state, wanted), run);
  const pullSecrets = new Set<Change>(ofObjects.filter(({ payload }) => payload.object === 'pullSecret'));
  if (
    outcomes.some(
      ({ change, result }) => result === 'done' && change.action !== 'delete' && pullSecrets.has(change),
    )
  ) {
    // The Secret works even if this fails. The refresh step reports why the operator does not sync.
    await resync(
      run,
      ({ what, why }) => run.emit({ type: 'note', text: `${what}: ${why}` }),
      await earlierPullSecrets(run.ctx),
    );
  }
  const adoptions = changes.filter(({ payload }) => payload.does === 'adoptPullSecret');
  return [...registered, ...outcomes, ...(await adoptPullSecret(adoptions, state.unmanaged, run))];
}

const isRegistration = ({ payload }: BootstrapChange): boolean => payload.does === 'register';

const isOfObject = (change: BootstrapChange): change is ChangeWith<ObjectWork> =>
  change.payload.does === 'writeObject';

function namespaceFor(changes: readonly ChangeWith<ObjectWork>[], { namespace }: BootstrapState): KubeObject {
  const [change] = changes.filter(({ payload }) => payload.object === 'namespace');
  if (change?.adopts) return owned(namespace);
  return change?.payload.removesNote
    ? { ...namespace, metadata: { ...namespace.metadata, annotations: {} } }
    : namespace;
}

/** Registers the cluster before it depends on the key. */
function register(
  changes: readonly BootstrapChange[],
  { registration, stored, observed }: BootstrapState,
  run: AccessKeyRun,
): Promise<Outcome[]> {
  const held = keyIdIn(observed.keySecret);
  return inOrder(changes, run, () => {
    const keyId = stored.state === 'whole' ? stored.pair.accessKeyId : held;
    if (keyId === undefined) throw incompletePair(run.ctx.config.users.imagePuller.name);
    return registerUnverified(run, registration, { keyId, held });
  });
}

/** The Secrets with their values. Secrets to delete need no values. */
async function secretsFor(
  changes: readonly ChangeWith<ObjectWork>[],
  { stored, earlier }: BootstrapState,
  run: AccessKeyRun,
): Promise<KubeObject[]> {
  const { name } = run.ctx.config.pullSecret;
  if (!changes.some(({ action, payload }) => action !== 'delete' && payload.object !== 'namespace')) {
    return [secret(keySecretName, 'Opaque'), secret(name, pullSecretType), ...earlier];
  }
  if (stored.state !== 'whole') throw incompletePair(run.ctx.config.users.imagePuller.name);
  const token = await run.ctx.aws.as(stored.pair).ecr.token();
  return [keySecret(stored.pair, stored.region), pullSecret(name, token)];
}

function objectsOf({ observed, earlier }: BootstrapState, wanted: readonly KubeObject[]): ObjectsState {
  const present = [...Object.values(observed), ...earlier].filter((object) => object !== undefined);
  return {
    wanted,
    unwanted: [],
    observed: new Map(present.map((object) => [nameOf(targetOf(refOf(object))), object])),
  };
}

const incompletePair = (user: string): BootstrapError =>
  new BootstrapError({
    code: 'key-unverified',
    what: `could not read the access key of ${user} from Secrets Manager`,
    why: 'the access key pair is incomplete',
    hint: 'Run `ecr-bootstrap up` with its step image-puller-key, which creates it.',
  });
