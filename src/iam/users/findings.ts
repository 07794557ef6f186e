import type { Tags } from '../../clients/aws/port.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { tags as tagKeys } from '../../core/ownership.ts';
import { markKeysIn, ownershipOf } from '../tags.ts';
import { documentOf, type ObservedUser, ownAttachments, type UserState, type WantedUser } from './state.ts';
import { policyTarget, userTarget } from './targets.ts';

/** Reports a user or policy of the configured name that belongs to another project. Blocks the run. */
export function unmanagedUserFindings(wanted: WantedUser, observed: ObservedUser): Finding[] {
  const { name, policy } = wanted;
  const findings: Finding[] = [];
  if (observed.user && ownershipOf(observed.user.tags, wanted.tags) === 'other-project') {
    findings.push(
      finding('user-conflict', {
        target: userTarget(name),
        what: `IAM user ${name} already exists and is not managed by ecr-bootstrap`,
        why: `${ownerOf(observed.user.tags)}; it has ${contentOf(observed)}`,
        hint: hintFor(wanted),
        blocking: true,
      }),
    );
  }
  if (observed.policy && ownershipOf(observed.policy.tags, wanted.tags) === 'other-project') {
    findings.push(
      finding('user-conflict', {
        target: policyTarget(policy.name),
        what: `IAM policy ${policy.name} already exists and is not managed by ecr-bootstrap`,
        why: ownerOf(observed.policy.tags),
        hint: hintFor(wanted),
        blocking: true,
      }),
    );
  }
  return findings;
}

const ownerOf = (tags: Tags): string =>
  `it belongs to project ${tags[tagKeys.project]} in ${tags[tagKeys.region] ?? 'an unknown region'}`;

const hintFor = ({ who }: WantedUser): string => `Set users.${who}.name to another name.`;

function contentOf({ attached, inline, groups }: ObservedUser): string {
  const parts = [
    ...attached.map((arn) => `policy ${arn}`),
    ...inline.map((name) => `inline policy ${name}`),
    ...groups.map((name) => `group ${name}`),
  ];
  return parts.join(', ') || 'no policies and no groups';
}

/**
 * Reports a user or policy under another path. Policies refer to users by path, so a moved user has lost its rights.
 * IAM cannot move a policy, or create a second one of the same name.
 */
export function pathFindings(wanted: WantedUser, observed: ObservedUser): Finding[] {
  const { name, path, policy, who } = wanted;
  const findings: Finding[] = [];
  if (observed.user && observed.user.path !== path) {
    findings.push(
      finding('path-differs', {
        target: userTarget(name),
        what: `IAM user ${name} has path ${observed.user.path}, not ${path}`,
        why: 'policies refer to users by path, so the policies of this project do not apply to it',
        hint: `Have an administrator run \`aws iam update-user --user-name ${name} --new-path ${path}\`, or set users.${who}.path to ${observed.user.path}.`,
      }),
    );
  }
  const elsewhere = policyElsewhere(wanted, observed);
  if (elsewhere !== undefined && !observed.policy) {
    findings.push(
      finding('path-differs', {
        target: policyTarget(policy.name),
        what: `IAM policy ${policy.name} has another path than ${path}`,
        why: `it is ${elsewhere}; IAM cannot move a policy or create a second one with the same name`,
        hint: `Set users.${who}.path to the path of both, or delete it and run the same command again: \`aws iam detach-user-policy --user-name ${name} --policy-arn ${elsewhere} && aws iam delete-policy --policy-arn ${elsewhere}\`.`,
        blocking: true,
      }),
    );
  }
  return findings;
}

/** The ARN of an attached policy that has the configured name and another path. */
const policyElsewhere = ({ policy }: WantedUser, { attached }: ObservedUser): string | undefined =>
  attached.find((arn) => arn !== policy.arn && arn.split('/').at(-1) === policy.name);

/** Reports unmanaged policies and groups of the user, each with the command that removes it. */
export function excessFindings(wanted: WantedUser, observed: ObservedUser): Finding[] {
  const { name, attached } = wanted;
  const known = [...attached, ...ownAttachments(wanted, observed), policyElsewhere(wanted, observed)];
  const user = `--user-name ${name}`;
  const excess = [
    ...observed.attached
      .filter((arn) => !known.includes(arn))
      .map((arn) => ({
        thing: `policy ${arn}`,
        command: `aws iam detach-user-policy ${user} --policy-arn ${arn}`,
      })),
    ...observed.inline.map((inline) => ({
      thing: `inline policy ${inline}`,
      command: `aws iam delete-user-policy ${user} --policy-name ${inline}`,
    })),
    ...observed.groups.map((group) => ({
      thing: `group ${group}`,
      command: `aws iam remove-user-from-group ${user} --group-name ${group}`,
    })),
  ];
  return excess.map(({ thing, command }) =>
    finding('user-extra-access', {
      target: userTarget(name),
      what: `IAM user ${name} has ${thing}`,
      why: 'ecr-bootstrap does not manage it, and it may allow more than is needed',
      hint: `If it is not needed, remove it: \`${command}\`.`,
    }),
  );
}

/** Reports problems of a user that another tool creates. Its policy is verified together with its key. */
export function unmanagedFindings(wanted: WantedUser, observed: ObservedUser | undefined): Finding[] {
  const target = userTarget(wanted.name);
  const hint = `Ask the owner of the user to create it and to attach the policy that \`ecr-bootstrap policy ${documentOf[wanted.who]}\` prints.`;
  if (!observed) {
    return [
      finding('not-checked', {
        target,
        what: `IAM user ${wanted.name} could not be checked`,
        why: 'the caller may not read it',
        hint,
      }),
    ];
  }
  const isBare = observed.attached.length + observed.inline.length + observed.groups.length === 0;
  if (observed.user && !isBare) return [];
  return [
    finding('user-incomplete', {
      target,
      what: observed.user
        ? `IAM user ${wanted.name} has no permissions`
        : `IAM user ${wanted.name} does not exist`,
      why: `users.${wanted.who}.manage is false, so another tool creates it`,
      hint,
      blocking: true,
    }),
  ];
}

/** Reports a user that ecr-bootstrap created before `manage` was set to false. */
export function noLongerManaged({ wanted, observed }: Pick<UserState, 'wanted' | 'observed'>): Finding[] {
  const { name, manage, who } = wanted;
  if (manage || !observed?.user || ownershipOf(observed.user.tags, wanted.tags) !== 'managed') return [];
  const keys = markKeysIn(observed.user.tags).join(' ');
  return [
    finding('former-user', {
      level: 'ok',
      target: userTarget(name),
      what: `IAM user ${name} has the tags of ecr-bootstrap, and users.${who}.manage is false`,
      why: '`up` does not change it, and `down --aws` deletes what has these tags',
      hint: `To hand it over, have an administrator run \`aws iam untag-user --user-name ${name} --tag-keys ${keys}\`.`,
    }),
  ];
}
