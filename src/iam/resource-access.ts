import { BootstrapError } from '../core/errors.ts';
import type { Target } from '../core/target.ts';
import { finding, type Finding } from '../core/findings.ts';
import { isTolerable } from '../core/members.ts';

/** The principals that a resource policy allows, except the account itself; or why they are unknown. */
export type ResourceAccess =
  { readonly principals: readonly string[] } | { readonly unknown: BootstrapError };

/** @param arn the ARN of the resource, which contains its account */
export async function readAccess(
  read: () => Promise<string | undefined>,
  arn: string,
): Promise<ResourceAccess> {
  try {
    const policy = await read();
    return { principals: policy === undefined ? [] : principalsIn(policy, arn.split(':')[4] ?? '') };
  } catch (error) {
    if (error instanceof BootstrapError && isTolerable(error)) return { unknown: error };
    throw error;
  }
}

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
}

/** Normalized: an account ID, the ARN of its root, and a list with one of them are equivalent. */
function principalsIn(policy: string, account: string): string[] {
  let statements: readonly (Statement | null)[];
  try {
    const { Statement: found = [] } = JSON.parse(policy) as { Statement?: Statement | Statement[] };
    statements = [found].flat();
  } catch {
    return ['unknown principals (the policy is not valid JSON)'];
  }
  const allowed = statements.filter((one) => one?.Effect === 'Allow');
  const names = allowed.flatMap((one) =>
    one?.NotPrincipal === undefined ? principalsOf(one?.Principal) : ['everyone except listed principals'],
  );
  return [...new Set(names)].filter((name) => name !== `account ${account}`).sort();
}

function principalsOf(principal: unknown): string[] {
  if (typeof principal === 'string') return [principal === '*' ? 'everyone' : principal];
  return Object.entries((principal ?? {}) as Readonly<Record<string, unknown>>).flatMap(([kind, values]) =>
    [values].flat().map((value) => {
      const name = String(value);
      if (name === '*') return 'everyone';
      const account = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$/.exec(name)?.[1];
      return kind === 'AWS' && account !== undefined ? `account ${account}` : name;
    }),
  );
}

const namedAtMost = 3;

/** Reports the principals with access before the resource is adopted. */
export function accessFindings(target: Target, access: ResourceAccess | undefined): Finding[] {
  if (!access) return [];
  const name = `${target.kind} ${target.name}`;
  if ('unknown' in access) {
    const { why, hint } = access.unknown;
    return [
      finding('resource-policy', {
        level: 'unknown',
        target,
        what: `could not read which principals the policy of ${name} allows`,
        why,
        hint,
      }),
    ];
  }
  const { principals } = access;
  if (principals.length === 0) return [];
  const rest = principals.length > namedAtMost ? ` and ${principals.length - namedAtMost} more` : '';
  return [
    finding('resource-policy', {
      target,
      what: `the policy of ${name} grants access to ${principals.slice(0, namedAtMost).join(', ')}${rest}`,
      why: 'ecr-bootstrap does not manage this policy, and adopting the resource does not change it',
      hint: `Check it before you adopt the resource: \`${commandFor(target)}\` prints it.`,
    }),
  ];
}

const commandFor = ({ kind, name }: Target): string =>
  kind === 'AWS secret'
    ? `aws secretsmanager get-resource-policy --secret-id ${name}`
    : `aws ecr get-repository-policy --repository-name ${name}`;
