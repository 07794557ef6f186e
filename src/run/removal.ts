import { removalOf as planOf } from '../core/plan.ts';
import type { RemovalScope } from '../core/step.ts';
import { type ObjectChange, type ObjectsState, removeObjects } from '../cluster/objects.ts';
import type { AnyStep } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { operator } from '../steps/operator.ts';
import { registration } from '../steps/registration.ts';
import { enabledKeys } from '../steps/enabled-keys.ts';
import { formerUsers, isInScope } from './former-users.ts';
import { pullingPods } from '../steps/pulling-pods.ts';

const removalVerbs = new Set(['get', 'list', 'delete']);

/** The step in reverse, with the permissions that this requires. */
function removalOf(step: AnyStep, scope: RemovalScope): AnyStep {
  const { rights = [], removalRights = [] } = step;
  const reading = rights.map((rule) => ({
    ...rule,
    verbs: rule.verbs.filter((verb) => removalVerbs.has(verb)),
  }));
  return { ...planOf(step, scope), rights: [...reading, ...removalRights] };
}

/** The step of the operator, with only these objects. */
const operatorWith = (isIncluded: (change: ObjectChange) => boolean): AnyStep => ({
  ...operator,
  remove: (state: ObjectsState) => {
    const { changes, findings } = removeObjects(state);
    return { changes: changes.filter(isIncluded), findings };
  },
});

const deletesWebhook = ({ payload }: ObjectChange): boolean =>
  payload.deletes?.kind === 'ValidatingWebhookConfiguration';

/**
 * The API server calls the webhooks before it deletes any of the operator's objects. They are deleted first:
 * when the operator is down, they do not respond, and no other object could be deleted.
 */
const operatorWebhooks = (scope: RemovalScope): AnyStep => ({
  ...removalOf(operatorWith(deletesWebhook), scope),
  id: 'operator-webhooks',
  title: 'webhooks of External Secrets Operator',
});

/** The steps of `down`: every step in reverse, the last one first. */
export function removalSteps(scope: RemovalScope): readonly AnyStep[] {
  const { identities, images, secrets } = scope;
  const chosen = steps.filter((step) => step.remove && isInScope(step, scope));
  // The cluster stays registered as long as anything in it uses the key.
  const inCluster = chosen.filter((step) => !step.removesFromAws && step !== registration).toReversed();
  const inAws = chosen.filter((step) => step.removesFromAws).toReversed();
  const operatorWithoutWebhooks = operatorWith((change) => !deletesWebhook(change));
  const removals = [...inCluster, registration, ...inAws].map((step) =>
    removalOf(step === operator ? operatorWithoutWebhooks : step, scope),
  );
  return [
    pullingPods,
    ...(identities || images || secrets ? [enabledKeys({ disables: identities, forgets: secrets })] : []),
    operatorWebhooks(scope),
    ...removals,
    ...(identities || secrets ? [formerUsers(scope)] : []),
  ];
}
