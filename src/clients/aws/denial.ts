/** Where to find the policies that are not the caller's own, by their names in AWS's access denied messages. */
const policySources: Readonly<Record<string, string>> = {
  'service control policy': 'in AWS Organizations, on this account or a unit above it',
  'resource control policy': 'in AWS Organizations, on this account or a unit above it',
  'permissions boundary': 'on the caller: `aws iam get-user` or `aws iam get-role` prints its ARN',
  'session policy': 'passed when the session was requested, for example by a CI job',
  'resource-based policy': 'on the resource itself',
  'vpc endpoint policy': 'on the VPC endpoint that the request went through',
};

/** The kind of policy that denied a request: IAM User Guide, "Troubleshoot access denied error messages". */
export interface Denial {
  readonly kind: string;
  /** True if a statement denies the action. False if no policy of that kind allows it. */
  readonly isExplicit: boolean;
}

function readDenial(message: string): Denial | undefined {
  const explicit = /with an explicit deny in (?:an? |the )?([\w -]+? (?:policy|boundary))\b/i.exec(message);
  const [, kind] = explicit ?? /because no ([\w -]+? (?:policy|boundary)) allows/i.exec(message) ?? [];
  return kind === undefined ? undefined : { kind, isExplicit: explicit !== null };
}

/** Whether the denial comes from another policy, so a change of the caller's own policies cannot help. */
export function isOutsideOwnPolicies(message: string): boolean {
  const denial = readDenial(message);
  return (
    denial !== undefined && (denial.isExplicit || policySources[denial.kind.toLowerCase()] !== undefined)
  );
}

const rerunHint = 'Then run the same command again; it resumes where it stopped.';

/** How to fix a denial, by the kind of policy in AWS's message. */
export function denialHint(message: string, action: string): string {
  const { kind = '', isExplicit = false } = readDenial(message) ?? {};
  const place = policySources[kind.toLowerCase()];
  if (isExplicit) {
    const where = place ?? 'attached to the caller or to one of its groups';
    return `Ask an administrator to change the ${kind} that denies ${action} (${where}). Nothing overrides an explicit deny. ${rerunHint}`;
  }
  if (place !== undefined)
    return `Ask an administrator to allow ${action} in the ${kind} (${place}). Your own policies cannot allow more than it does. ${rerunHint}`;
  const policy = policyWith(action);
  if (policy === undefined)
    return `Ask an administrator to run this command, or to allow ${action}. ${rerunHint}`;
  return `Ask an administrator to allow ${action}: \`ecr-bootstrap policy ${policy}\` prints the policy to attach. ${rerunHint}`;
}

/** The action in an access denied message. */
export const deniedAction = (message: string): string | undefined =>
  /not authorized to perform: ([\w-]+:\w+)/.exec(message)?.[1];

const firstRunOnly =
  /^(iam:(CreateUser|(Create|Delete)PolicyVersion|ListPolicyVersions|CreatePolicy|TagPolicy|(Attach|Detach)UserPolicy|PutUserPermissionsBoundary)|ecr:PutAccountSetting)$/;
const inNoPolicy =
  /^(iam:(Delete(User|Policy|UserPermissionsBoundary)|UntagPolicy|SimulatePrincipalPolicy)|ecr:(DeleteRepository|UntagResource)|secretsmanager:DeleteSecret)$/;

/**
 * The document printed by `policy` that allows an action. No document allows deleting what `up` created in AWS, or
 * simulating policies, which `doctor` can do without.
 */
function policyWith(action: string): 'first-run' | 'power-user' | undefined {
  if (inNoPolicy.test(action)) return undefined;
  return firstRunOnly.test(action) ? 'first-run' : 'power-user';
}
