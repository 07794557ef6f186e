import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ChangeWith, Outcome } from '../../core/step.ts';
import { inOrder, skipped } from '../../core/members.ts';
import { once } from '../../core/once.ts';
import type { AccessKeyRun } from '../context.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { applyObject } from '../../cluster/objects.ts';
import { registerUnverified } from '../registration/register.ts';
import { adoptPullSecrets } from '../../external-secrets/pull-secret/unmanaged.ts';
import { keyIdIn, keySecret, pullSecret } from '../../external-secrets/pull-secret/objects.ts';
import { resync } from '../../external-secrets/pull-secret/resync.ts';
import type { BootstrapChange, BootstrapState, BootstrapWork, SecretObjectWork } from './state.ts';

/** Registers the cluster, then writes the namespace and the Secrets, and makes the operator use them. */
export async function applyBootstrap(
  changes: readonly BootstrapChange[],
  state: BootstrapState,
  run: AccessKeyRun,
): Promise<Outcome[]> {
  const objectChanges = changes.filter(isOfObject);
  const secrets = once(() => readSecrets(state, run));
  // Before the first write, so that a failure changes nothing.
  if (objectChanges.some(({ payload }) => payload.does === 'writeSecret')) await secrets();
  const registered = await register(changes.filter(isRegistration), state, run);
  if (registered.some(({ result }) => result !== 'done')) {
    const rest = changes.filter((change) => !isRegistration(change));
    return [...registered, ...skipped(rest)];
  }
  const outcomes = await inOrder(objectChanges, run, async (change) => {
    const { payload } = change;
    const work =
      payload.does === 'writeSecret' ? { ...payload, applies: (await secrets())[payload.secret] } : payload;
    return applyObject({ ...change, payload: work }, run);
  });
  if (outcomes.some(({ change, result }) => result === 'done' && writesPullSecret(change))) {
    // The Secret works even if this fails. The refresh step reports why the operator does not sync.
    await resync(
      run,
      ({ what, why }) => run.emit({ type: 'note', text: `${what}: ${why}` }),
      await earlierPullSecrets(run.ctx),
    );
  }
  return [...registered, ...outcomes, ...(await adoptPullSecrets(changes.filter(isAdoption), run))];
}

const isRegistration = ({ payload }: BootstrapChange): boolean => payload.does === 'register';

type WorkOf<Does extends BootstrapWork['does']> = Extract<BootstrapWork, { readonly does: Does }>;

const isOfObject = (change: BootstrapChange): change is ChangeWith<WorkOf<'writeObject' | 'writeSecret'>> =>
  change.payload.does === 'writeObject' || change.payload.does === 'writeSecret';

const isAdoption = (change: BootstrapChange): change is ChangeWith<WorkOf<'adoptPullSecret'>> =>
  change.payload.does === 'adoptPullSecret';

const writesPullSecret = ({ payload }: BootstrapChange): boolean =>
  payload.does === 'writeSecret' && payload.secret === 'pullSecret';

/** Registers the cluster before it depends on the key. */
function register(
  changes: readonly BootstrapChange[],
  { registration, stored, observed }: BootstrapState,
  run: AccessKeyRun,
): Promise<Outcome[]> {
  const held = keyIdIn(observed.keySecret);
  return inOrder(changes, run, () => {
    const keyId = stored.state === 'complete' ? stored.pair.accessKeyId : held;
    if (keyId === undefined) throw incompletePair(run.ctx.config.users.imagePuller.name);
    return registerUnverified(run, registration, { keyId, held });
  });
}

/** The Secrets with their current values. */
async function readSecrets(
  { stored }: BootstrapState,
  run: AccessKeyRun,
): Promise<Readonly<Record<SecretObjectWork['secret'], KubeObject>>> {
  const { config, aws } = run.ctx;
  if (stored.state !== 'complete') throw incompletePair(config.users.imagePuller.name);
  const token = await aws.as(stored.pair).ecr.token();
  return {
    keySecret: keySecret(stored.pair, stored.region),
    pullSecret: pullSecret(config.pullSecret.name, token),
  };
}

const incompletePair = (user: string): BootstrapError =>
  new BootstrapError({
    code: 'key-unverified',
    what: `could not read the access key of ${user} from Secrets Manager`,
    why: 'the access key pair is incomplete',
    hint: 'Run `ecr-bootstrap up` with its step image-puller-key, which creates it.',
  });
