import { Argument, type Command, Option } from 'commander';
import { examples, type RunCommand } from './launch.ts';
import type { Config } from '../config/schema.ts';
import type { Loaded } from '../config/load.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import type { ClusterRule } from '../core/step.ts';
import { leaseRights } from '../run/lease.ts';
import { mergeRules } from '../run/rights.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, launch: RunCommand): void {
  command
    .addArgument(new Argument('<name>', 'which document').choices(policyNames))
    .addOption(new Option('--user <name>', 'bind the cluster roles to this user').conflicts('group'))
    .addOption(new Option('--group <name>', 'bind the cluster roles to this group').conflicts('user'))
    .action((name: PolicyName, subject: Subject) =>
      launch(command, (session) => printPolicy(session, name, subject)),
    );
  command.addHelpText(
    'after',
    `
What the documents amount to:
  first-run     administrator access to the AWS account, unless both users have
                a permissions boundary
  power-user    pushing images to the project, and a new access key for the
                image puller
  image-puller  pulling images of the project, and reading its own access key
  cluster       cluster-admin

Without a configuration file, placeholders stand for what is not known.`,
  );
  examples(command, [
    ['ecr-bootstrap policy first-run', 'IAM policy for the first up'],
    ['ecr-bootstrap policy cluster --user jane', 'roles and bindings of a user'],
    ['ecr-bootstrap policy cluster --group ops', 'the same for a group'],
  ]);
}

export const policyNames = ['first-run', 'power-user', 'image-puller', 'cluster'] as const;

export type PolicyName = (typeof policyNames)[number];

/** The subject of the role bindings: a user or a group. */
export interface Subject {
  readonly user?: string;
  readonly group?: string;
}

/** What a user or group is called in a binding that is printed without one. */
const subjectPlaceholder = 'SUBJECT';

/** Prints a document that grants permissions, from the source that the steps use. Asks neither AWS nor the cluster. */
export async function printPolicy(session: Session, name: PolicyName, subject: Subject): Promise<number> {
  const chosen = checkedSubject(name, subject);
  const loaded = await session.loaded({ placeholders: true });
  return name === 'cluster' ? printRoles(session, loaded, chosen) : printIam(session, loaded, name);
}

async function printIam(
  { reporter }: Session,
  { config, origins }: Loaded,
  name: Exclude<PolicyName, 'cluster'>,
): Promise<number> {
  const { accountPlaceholder, policyDocument } = await import('../iam/policies/documents.ts');
  if (name === 'first-run') reporter.warn(amountOfFirstRun(config));
  const assumed = [
    ...(origins.get('project') === 'placeholder' ? [`${config.project} for the project`] : []),
    ...(origins.get('aws.region') === 'placeholder' ? [`${config.aws.region} for the region`] : []),
    ...(config.aws.accountId === undefined ? [`${accountPlaceholder} for the account`] : []),
  ];
  if (assumed.length > 0) {
    reporter.warn(
      `The document says ${assumed.join(', ')}. Replace that, or give ${flagsFor(assumed)} and print it again.`,
    );
  }
  await reporter.show({ type: 'document', data: { name, document: policyDocument(name, config) } });
  return exitCodes.done;
}

const flagsFor = (assumed: readonly string[]): string =>
  assumed
    .map((text) => /(project|region|account)$/.exec(text)?.[1] ?? '')
    .map((word) => (word === 'account' ? '--account-id' : `--${word}`))
    .join(', ');

/** What the policy for a first run amounts to. */
function amountOfFirstRun({ users: { powerUser, imagePuller } }: Config): string {
  const boundaries = [powerUser, imagePuller].map(({ permissionsBoundary }) => permissionsBoundary);
  const isBounded = boundaries.every((boundary) => boundary !== undefined);
  const holder = `its holder can write the policies of ${powerUser.name} and ${imagePuller.name} and create an access key`;
  return isBounded
    ? `This policy amounts to all that the permissions boundary allows (${[...new Set(boundaries)].join(', ')}): ${holder}.`
    : `This policy amounts to administrator access to the AWS account: ${holder}. ` +
        'Set users.*.permissionsBoundary for both users to limit it.';
}

const amountOfCluster =
  'This amounts to cluster-admin: its holder can write the roles of the operator, run pods, and list all Secrets.';

async function printRoles({ reporter }: Session, { config }: Loaded, subject: Subject): Promise<number> {
  reporter.warn(amountOfCluster);
  if (subject.user === undefined && subject.group === undefined) {
    reporter.warn(
      `The bindings name user ${subjectPlaceholder}. Replace that, or give --user or --group and print it again.`,
    );
  }
  const { steps } = await import('../steps/index.ts');
  const rules = mergeRules(
    steps.flatMap(({ rights = [], removalRights = [] }) => [...rights, ...removalRights]),
    config,
  );
  const objects = [
    ...roleWithBinding('ClusterRole', rules, subject),
    ...roleWithBinding('Role', leaseRights.rules, subject, leaseRights.namespace),
  ];
  await reporter.show({
    type: 'document',
    data: { name: 'cluster', document: { apiVersion: 'v1', kind: 'List', items: objects } },
    yaml: { comment: amountOfCluster, objects },
  });
  return exitCodes.done;
}

const rbac = 'rbac.authorization.k8s.io';
const roleName = 'ecr-bootstrap';

function roleWithBinding(
  kind: 'ClusterRole' | 'Role',
  rules: readonly ClusterRule[],
  { user, group }: Subject,
  namespace?: string,
): object[] {
  const apiVersion = `${rbac}/v1`;
  const metadata = { name: roleName, ...(namespace === undefined ? {} : { namespace }) };
  const subject =
    group === undefined ? { kind: 'User', name: user ?? subjectPlaceholder } : { kind: 'Group', name: group };
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: rbac, kind, name: roleName },
      subjects: [{ apiGroup: rbac, ...subject }],
    },
  ];
}

/** @throws BootstrapError `usage` */
function checkedSubject(policy: PolicyName, subject: Subject): Subject {
  for (const flag of ['user', 'group'] as const) {
    const name = subject[flag];
    if (name === undefined) continue;
    const fault =
      policy !== 'cluster'
        ? 'applies to policy cluster only'
        : /^\S(.*\S)?$/u.test(name) && !/\p{C}/u.test(name)
          ? undefined
          : `${JSON.stringify(name)} is not a name of Kubernetes`;
    if (fault === undefined) continue;
    throw new BootstrapError({
      code: 'usage',
      what: 'read the command line',
      why: `--${flag} ${fault}`,
      hint: 'Name the user or the group of the kubeconfig: ecr-bootstrap policy cluster --user jane',
    });
  }
  return subject;
}
