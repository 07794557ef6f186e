import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Change, Outcome } from '../../core/step.ts';
import { inOrder, nameOf } from '../../core/members.ts';
import type { AccessKeyRun } from '../context.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { applyObjects, keyOf, type ObjectsState, owned } from '../../cluster/objects.ts';
import { registerUnverified, registrationTarget } from '../registration/register.ts';
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
import { isNoteRemoval } from './namespace-annotations.ts';
import type { BootstrapState } from './state.ts';

/** Registers the cluster, then writes the namespace and the Secrets, and makes the operator use them. */
export async function applyBootstrap(
  changes: readonly Change[],
  state: BootstrapState,
  run: AccessKeyRun,
): Promise<Outcome[]> {
  const { name } = run.ctx.config.pullSecret;
  const isAdopted = changes.some(({ adopts, target }) => adopts && target.kind === 'Namespace');
  const isNoteRemoved = changes.some(({ fields }) => isNoteRemoval(fields));
  const namespace = isAdopted ? owned(state.namespace) : withoutRegistryHost(state.namespace, isNoteRemoved);
  const wanted = [namespace, ...(await secretsFor(changes, state, run))];
  const ofOthers = new Set(state.unmanaged.map((object) => nameOf(targetOf(refOf(object)))));
  const isOfOthers = ({ target }: Change): boolean => ofOthers.has(nameOf(target));
  const registered = await register(changes.filter(isOfRegistration), state, run);
  const rest = changes.filter((change) => !isOfRegistration(change));
  if (registered.some(({ result }) => result !== 'done')) {
    return [...registered, ...rest.map((change): Outcome => ({ change, result: 'skipped' }))];
  }
  const own = rest.filter((change) => !isOfOthers(change));
  const outcomes = await applyObjects(own, objectsOf(state, wanted), run);
  if (outcomes.some((outcome) => isBootstrapped(outcome, name))) {
    // The seed is good all the same, and the steps of the renewal find out why the operator does not sync.
    await resync(
      run,
      ({ what, why }) => run.emit({ type: 'note', text: `${what}: ${why}` }),
      await earlierPullSecrets(run.ctx),
    );
  }
  return [
    ...registered,
    ...outcomes,
    ...(await adoptPullSecret(rest.filter(isOfOthers), state.unmanaged, run)),
  ];
}

const isOfRegistration = ({ target }: Change): boolean => target.kind === registrationTarget('').kind;

/** A cluster is registered before it depends on the key. */
function register(
  changes: readonly Change[],
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

/** The Secrets with their values; those that are to be deleted need none. */
async function secretsFor(
  changes: readonly Change[],
  { stored, earlier }: BootstrapState,
  run: AccessKeyRun,
): Promise<KubeObject[]> {
  const { name } = run.ctx.config.pullSecret;
  const bare = [secret(keySecretName, 'Opaque'), secret(name, pullSecretType), ...earlier];
  const written = changes.filter(({ action }) => action !== 'delete').map(({ target }) => nameOf(target));
  if (!bare.some((object) => written.includes(keyOf(refOf(object))))) return bare;
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

const withoutRegistryHost = (namespace: KubeObject, isRemoved: boolean): KubeObject =>
  isRemoved ? { ...namespace, metadata: { ...namespace.metadata, annotations: {} } } : namespace;

const isBootstrapped = ({ change, result }: Outcome, name: string): boolean =>
  result === 'done' && change.action !== 'delete' && change.target.name.endsWith(`/${name}`);

const incompletePair = (user: string): BootstrapError =>
  new BootstrapError({
    code: 'key-unproven',
    what: `read the access key of ${user} from Secrets Manager`,
    why: 'there is no whole pair yet',
    hint: 'Run ecr-bootstrap up with the step image-puller-key, which makes it.',
  });
