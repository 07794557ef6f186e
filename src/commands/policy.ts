import { Argument, type Command, Option } from 'commander';
import { examples, type Program } from './command.ts';
import type { Config } from '../config/schema.ts';
import type { Loaded } from '../config/load.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import type { ClusterRule } from '../core/step.ts';
import { leaseRights } from '../run/lease.ts';
import { mergeRules } from '../run/rights.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .addArgument(new Argument('<name>', 'document to print').choices(policyNames))
    .addOption(new Option('--user <name>', 'bind the cluster roles to this user').conflicts('group'))
    .addOption(new Option('--group <name>', 'bind the cluster roles to this group').conflicts('user'))
    .action((name: PrintedPolicy, subject: Subject) =>
      program.run(command, (session) => printPolicy(session, name, subject)),
    );
  command.addHelpText(
    'after',
    `
What each document grants:
  first-run     administrator access to the AWS account, unless both users have
                a permissions boundary
  power-user    pushing images to the project, and a new access key for the
                image puller
  image-puller  pulling images of the project, and reading its own access key
  cluster       cluster-admin

Placeholders stand for values that are not configured.`,
  );
  examples(command, [
    ['ecr-bootstrap policy first-run', 'Print the IAM policy for the first up'],
    ['ecr-bootstrap policy cluster --user jane', 'Print roles and bindings for a user'],
    ['ecr-bootstrap policy cluster --group ops', 'Print roles and bindings for a group'],
  ]);
}

export const policyNames = ['first-run', 'power-user', 'image-puller', 'cluster'] as const;

export type PrintedPolicy = (typeof policyNames)[number];

/** The subject of the role bindings: a user or a group. */
export interface Subject {
  readonly user?: string;
  readonly group?: string;
}

/** The placeholder for the user or group in bindings when neither is given. */
const subjectPlaceholder = 'SUBJECT';

/** Prints a document that grants permissions, generated from the permissions of the steps. Sends no request. */
export async function printPolicy(session: Session, name: PrintedPolicy, subject: Subject): Promise<number> {
  const chosen = checkedSubject(name, subject);
  const loaded = await session.loaded({ placeholders: true });
  return name === 'cluster' ? printRoles(session, loaded, chosen) : printIam(session, loaded, name);
}

async function printIam(
  { reporter }: Session,
  { config, origins }: Loaded,
  name: Exclude<PrintedPolicy, 'cluster'>,
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
      `The document has placeholders: ${assumed.join(', ')}. Replace them, or print it again with ${flagsFor(assumed)}.`,
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

/** A warning about how much the policy for a first run grants. */
function amountOfFirstRun({ users: { powerUser, imagePuller } }: Config): string {
  const boundaries = [powerUser, imagePuller].map(({ permissionsBoundary }) => permissionsBoundary);
  const isBounded = boundaries.every((boundary) => boundary !== undefined);
  const holder = `its holder can write the policies of ${powerUser.name} and ${imagePuller.name} and create an access key`;
  return isBounded
    ? `This policy grants everything that the permissions boundary allows (${[...new Set(boundaries)].join(', ')}): ${holder}.`
    : `This policy grants administrator access to the AWS account: ${holder}. ` +
        'Set users.*.permissionsBoundary for both users to limit it.';
}

const amountOfCluster =
  'This grants cluster-admin: its holder can write the roles of the operator, run pods, and list all Secrets.';

async function printRoles({ reporter }: Session, { config }: Loaded, subject: Subject): Promise<number> {
  reporter.warn(amountOfCluster);
  if (subject.user === undefined && subject.group === undefined) {
    reporter.warn(
      `The bindings have the placeholder ${subjectPlaceholder}. Replace it, or print them again with --user or --group.`,
    );
  }
  const { steps } = await import('../steps/index.ts');
  const rules = mergeRules(
    [
      ...steps.flatMap(({ rights = [], optionalRights = [], removalRights = [] }) => [
        ...rights,
        ...optionalRights,
        ...removalRights,
      ]),
      ...fieldRights(config),
    ],
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

/** To read the custom resources of `images.fields`. */
const fieldRights = ({ images: { fields } }: Config): ClusterRule[] =>
  Object.keys(fields).map((resource) => {
    const [plural = '', ...group] = resource.split('.');
    return { apiGroups: [group.join('.')], resources: [plural], verbs: ['list'] };
  });

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
function checkedSubject(policy: PrintedPolicy, subject: Subject): Subject {
  for (const flag of ['user', 'group'] as const) {
    const name = subject[flag];
    if (name === undefined) continue;
    const fault =
      policy !== 'cluster'
        ? 'applies to policy cluster only'
        : /^\S(.*\S)?$/u.test(name) && !/\p{C}/u.test(name)
          ? undefined
          : `${JSON.stringify(name)} is not a user or group name`;
    if (fault === undefined) continue;
    throw new BootstrapError({
      code: 'usage',
      what: 'could not read the command line',
      why: `--${flag} ${fault}`,
      hint: 'Give the user or group of the kubeconfig: ecr-bootstrap policy cluster --user jane',
    });
  }
  return subject;
}
