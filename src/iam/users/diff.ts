import type { Tags } from '../../clients/aws/port.ts';
import type { Diff, Field, Preview } from '../../core/step.ts';
import { asAdoption, unknownOwner } from '../../core/ownership.ts';
import { compareTags, ownershipOf } from '../tags.ts';
import { compareDocuments, inNotationOf } from '../policies/compare.ts';
import {
  excessFindings,
  noLongerManaged,
  pathFindings,
  unmanagedFindings,
  unmanagedUserFindings,
} from './findings.ts';
import {
  type ObservedUser,
  ownAttachments,
  type UserChange,
  type UserState,
  type WantedUser,
} from './state.ts';
import { attachmentTarget, policyTarget, userTarget } from './targets.ts';

/** The changes that one of the two users needs, and findings about unmanaged changes. The caller does not matter. */
export function diffUser(state: UserState): Diff<UserChange> {
  const { changes, findings } = diffCurrent(state);
  return {
    changes,
    findings: [...findings, ...noLongerManaged(state)],
  };
}

function diffCurrent(state: UserState): Diff<UserChange> {
  const { wanted, observed } = state;
  if (!wanted.manage || !observed) return { changes: [], findings: unmanagedFindings(wanted, observed) };
  const blocking = unmanagedUserFindings(wanted, observed);
  if (blocking.length > 0) return { changes: [], findings: blocking };
  return {
    changes: changesFor(wanted, observed).map((change) => ({ ...change, fix: firstRunFix })),
    findings: [...pathFindings(wanted, observed), ...excessFindings(wanted, observed)],
  };
}

/** Only an administrator may change users and policies. Other callers see the same drift, with this fix. */
export const firstRunFix =
  'Run `ecr-bootstrap up` as an administrator (policy: `ecr-bootstrap policy first-run`).';

/** Rights are granted before others are revoked, because the user pulls and pushes during the run. */
function changesFor(wanted: WantedUser, observed: ObservedUser): UserChange[] {
  const policy = policyChanges(wanted, observed);
  const isCreation = ({ action }: UserChange): boolean => action === 'create';
  return [
    ...userChanges(wanted, observed),
    ...policy.filter(isCreation),
    ...missingAttachments(wanted, observed),
    ...policy.filter((change) => !isCreation(change)),
    ...needlessAttachments(wanted, observed),
  ];
}

const purposes = { powerUser: 'push', imagePuller: 'pull' } as const;

function userChanges(wanted: WantedUser, { user }: ObservedUser): UserChange[] {
  const { permissionsBoundary } = wanted;
  const subject = { target: userTarget(wanted.name), payload: { on: 'user' } } as const;
  if (!user) {
    const fields: Field[] = [
      { path: 'path', to: wanted.path },
      ...(permissionsBoundary ? [{ path: 'permissionsBoundary', to: permissionsBoundary }] : []),
      ...compareTags(wanted.tags, {}),
    ];
    return [
      {
        action: 'create',
        ...subject,
        label: `${wanted.name} (${purposes[wanted.who]})`,
        fields,
        grants: true,
      },
    ];
  }
  const fields = [...compareTags(wanted.tags, user.tags)];
  if (permissionsBoundary && permissionsBoundary !== user.permissionsBoundary) {
    fields.push({ path: 'permissionsBoundary', from: user.permissionsBoundary, to: permissionsBoundary });
  }
  return updates(subject, fields, user.tags, wanted);
}

/** Adopts a resource without project tag. A resource of another project was reported as a finding before. */
function updates(
  subject: Pick<UserChange, 'target' | 'payload'>,
  fields: readonly Field[],
  tags: Tags,
  wanted: WantedUser,
): UserChange[] {
  if (fields.length === 0) return [];
  const change: UserChange = { action: 'update', ...subject, fields, grants: true };
  return [
    ownershipOf(tags, wanted.tags) === 'managed' ? change : asAdoption(change, { owner: unknownOwner }),
  ];
}

function policyChanges(wanted: WantedUser, observed: ObservedUser): UserChange[] {
  const { policy, attached, tags } = wanted;
  if (!attached.includes(policy.arn)) return [];
  const subject = { target: policyTarget(policy.name), payload: { on: 'policy' } } as const;
  const fields = [
    ...compareDocuments(policy.document, observed.policy?.document),
    ...compareTags(tags, observed.policy?.tags ?? {}),
  ];
  if (!observed.policy) return [{ action: 'create', ...subject, fields, grants: true }];
  return updates(subject, fields, observed.policy.tags, wanted);
}

/** The document of the policy before and after a change. */
export function previewPolicy(
  { action, payload }: UserChange,
  { wanted: { policy }, observed }: UserState,
): Preview | undefined {
  if (payload.on !== 'policy' || action === 'delete' || payload.untag) return undefined;
  const actual = observed?.policy;
  return {
    format: 'json',
    ...(actual ? { before: inNotationOf(policy.document, actual.document) } : {}),
    after: policy.document,
  };
}

const attachmentChange = (action: 'create' | 'delete', userName: string, policyArn: string): UserChange => ({
  action,
  target: attachmentTarget(userName, policyArn),
  // The user and the policy stand for it.
  label: '',
  fields: [{ path: 'policyArn', [action === 'create' ? 'to' : 'from']: policyArn }],
  grants: true,
  payload: { on: 'attachment', policyArn },
});

const missingAttachments = ({ name, attached }: WantedUser, observed: ObservedUser): UserChange[] =>
  attached
    .filter((arn) => !observed.attached.includes(arn))
    .map((arn) => attachmentChange('create', name, arn));

/** Only policies that ecr-bootstrap attaches are detached. Others are reported as findings. */
const needlessAttachments = (wanted: WantedUser, observed: ObservedUser): UserChange[] =>
  ownAttachments(wanted, observed)
    .filter((arn) => observed.attached.includes(arn) && !wanted.attached.includes(arn))
    .map((arn) => attachmentChange('delete', wanted.name, arn));
