import { removalOf as planOf } from '../core/plan.ts';
import type { AnyStep } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { operator } from '../steps/operator.ts';
import { registration } from '../steps/registration.ts';
import { enabledKeys } from '../steps/enabled-keys.ts';
import { formerUsers } from './former-users.ts';
import { pullingPods } from '../steps/pulling-pods.ts';

/** What of AWS is to go besides what is in the cluster. */
export interface RemovalOfAws {
  /** The access keys, users and policies. */
  readonly identities: boolean;
  readonly images: boolean;
  readonly secrets: boolean;
}

/** What in AWS each kind of target belongs to; all others are in the cluster. */
const partOf: Readonly<Record<string, keyof RemovalOfAws>> = {
  'IAM user': 'identities',
  'IAM policy': 'identities',
  'IAM policy attachment': 'identities',
  'IAM access key': 'identities',
  'ECR repository': 'images',
  'AWS secret': 'secrets',
};

/** The parts of AWS that each step's removal is about. */
const inAws: Readonly<Record<string, readonly (keyof RemovalOfAws)[]>> = {
  'power-user': ['identities'],
  'image-puller': ['identities'],
  'image-puller-key': ['identities', 'secrets'],
  repositories: ['images'],
};

const neededToRemove = new Set(['get', 'list', 'delete']);

/** The step the other way round, with the rights that this takes. */
function removalOf(step: AnyStep): AnyStep {
  const { rights = [], removalRights = [] } = step;
  const reading = rights.map((rule) => ({
    ...rule,
    verbs: rule.verbs.filter((verb) => neededToRemove.has(verb)),
  }));
  return { ...planOf(step), rights: [...reading, ...removalRights] };
}

const isWebhook = (kind: string): boolean => kind === 'ValidatingWebhookConfiguration';

/**
 * The API server asks them before it deletes any of the operator's objects. They go before all others, because when
 * the operator is down nobody answers, and nothing could be deleted.
 */
const operatorWebhooks: AnyStep = {
  ...only(removalOf(operator), isWebhook),
  id: 'operator-webhooks',
  title: 'webhooks of External Secrets Operator',
};

/** What `down` does: every step the other way round, the last one first. */
export function removalSteps(aws: RemovalOfAws): readonly AnyStep[] {
  const touchesAws = aws.identities || aws.images || aws.secrets;
  const chosen = steps.filter((step) => step.remove && (inAws[step.id] ?? [undefined]).some(isAsked));
  // The cluster stays registered as long as anything in it uses the key.
  const inCluster = chosen.filter((step) => !inAws[step.id] && step !== registration).toReversed();
  const beyond = chosen.filter((step) => inAws[step.id]).toReversed();
  const isWanted = (kind: string): boolean => isAsked(partOf[kind]) && !isWebhook(kind);
  const removals = [...inCluster, registration, ...beyond].map((step) => only(removalOf(step), isWanted));
  return [
    pullingPods,
    ...(touchesAws ? [enabledKeys(aws.identities, aws.secrets)] : []),
    operatorWebhooks,
    ...removals,
    ...(aws.identities || aws.secrets ? [only(formerUsers, isWanted)] : []),
  ];

  function isAsked(part: keyof RemovalOfAws | undefined): boolean {
    return part === undefined || aws[part];
  }
}

/** Leaves out what is about other kinds of targets. */
function only(step: AnyStep, isWanted: (kind: string) => boolean): AnyStep {
  return {
    ...step,
    diff: (state, ctx) => {
      const { changes, findings } = step.diff(state, ctx);
      return {
        changes: changes.filter(({ target }) => isWanted(target.kind)),
        findings: findings.filter(({ target }) => isWanted(target.kind)),
      };
    },
  };
}
