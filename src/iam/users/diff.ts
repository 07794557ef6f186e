import type { Tags } from '../../clients/aws/port.ts';
import type { Change, Diff, Field, Target } from '../../core/step.ts';
import { adopting, unknownOwner } from '../../core/ownership.ts';
import { compareTags, ownershipOf } from '../tags.ts';
import { compareDocuments } from '../policies/compare.ts';
import {
  excessFindings,
  noLongerManaged,
  pathFindings,
  unmanagedFindings,
  unmanagedUserFindings,
} from './findings.ts';
import { documentOf, type ObservedUser, ownAttachments, type UserState, type WantedUser } from './state.ts';
import { attachmentTarget, policyTarget, userTarget } from './targets.ts';

/** What one of the two users lacks, and what else others changed about it; the same for every caller. */
export function diffUser(state: UserState): Diff {
  const { changes, findings } = diffCurrent(state);
  return {
    changes,
    findings: [...findings, ...noLongerManaged(state)],
  };
}

function diffCurrent(state: UserState): Diff {
  const { wanted, observed } = state;
  if (!wanted.manage || !observed) return { changes: [], findings: unmanagedFindings(wanted, observed) };
  const foreign = unmanagedUserFindings(wanted, observed);
  if (foreign.length > 0) return { changes: [], findings: foreign };
  return {
    changes: changesFor(wanted, observed).map((change) => ({ ...change, fix: fixFor(wanted) })),
    findings: [...pathFindings(wanted, observed), ...excessFindings(wanted, observed)],
  };
}

/** Only an administrator may change users and policies. Drift is as bad for a caller who may only see it. */
const fixFor = ({ who }: WantedUser): string =>
  `Run \`ecr-bootstrap up --only ${documentOf[who]}\` as an administrator; \`ecr-bootstrap policy first-run\` prints the policy for that.`;

/** What grants rights comes before what takes some away: the user pulls and pushes meanwhile. */
function changesFor(wanted: WantedUser, seen: ObservedUser): Change[] {
  const policy = policyChanges(wanted, seen);
  const isCreation = ({ action }: Change): boolean => action === 'create';
  return [
    ...userChanges(wanted, seen),
    ...policy.filter(isCreation),
    ...missingAttachments(wanted, seen),
    ...policy.filter((change) => !isCreation(change)),
    ...needlessAttachments(wanted, seen),
  ];
}

function userChanges(wanted: WantedUser, { user }: ObservedUser): Change[] {
  const { permissionsBoundary } = wanted;
  const target = userTarget(wanted.name);
  if (!user) {
    const fields: Field[] = [
      { path: 'path', to: wanted.path },
      ...(permissionsBoundary ? [{ path: 'permissionsBoundary', to: permissionsBoundary }] : []),
      ...compareTags(wanted.tags, {}),
    ];
    return [{ action: 'create', target, fields, grants: true }];
  }
  const fields = [...compareTags(wanted.tags, user.tags)];
  if (permissionsBoundary && permissionsBoundary !== user.permissionsBoundary) {
    fields.push({ path: 'permissionsBoundary', from: user.permissionsBoundary, to: permissionsBoundary });
  }
  return updates(target, fields, user.tags, wanted);
}

/** What bears no tag of ours is adopted; what is another project's is a finding before it comes to this. */
function updates(target: Target, fields: readonly Field[], tags: Tags, wanted: WantedUser): Change[] {
  if (fields.length === 0) return [];
  const change: Change = { action: 'update', target, fields, grants: true };
  return [ownershipOf(tags, wanted.tags) === 'ours' ? change : adopting(change, { owner: unknownOwner })];
}

function policyChanges(wanted: WantedUser, seen: ObservedUser): Change[] {
  const { policy, attached, tags } = wanted;
  if (!attached.includes(policy.arn)) return [];
  const target = policyTarget(policy.name);
  const fields = [
    ...compareDocuments(policy.document, seen.policy?.document),
    ...compareTags(tags, seen.policy?.tags ?? {}),
  ];
  if (!seen.policy) return [{ action: 'create', target, fields, grants: true }];
  return updates(target, fields, seen.policy.tags, wanted);
}

const attachmentChange = (action: 'create' | 'delete', userName: string, arn: string): Change => ({
  action,
  target: attachmentTarget(userName, arn),
  fields: [{ path: 'policyArn', [action === 'create' ? 'to' : 'from']: arn }],
  grants: true,
});

const missingAttachments = ({ name, attached }: WantedUser, seen: ObservedUser): Change[] =>
  attached.filter((arn) => !seen.attached.includes(arn)).map((arn) => attachmentChange('create', name, arn));

/** Only a policy that this program attaches is detached. Any other one is a finding. */
const needlessAttachments = (wanted: WantedUser, seen: ObservedUser): Change[] =>
  ownAttachments(wanted, seen)
    .filter((arn) => seen.attached.includes(arn) && !wanted.attached.includes(arn))
    .map((arn) => attachmentChange('delete', wanted.name, arn));
