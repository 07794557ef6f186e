import { partitionOf } from '../../clients/aws/partitions.ts';
import type { AwsPort, CallerIdentity, SimulatedAccess } from '../../clients/aws/port.ts';
import { createNet } from '../../clients/net/index.ts';
import { request } from '../../clients/net/request.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { oncePerContext } from '../../core/once.ts';
import { secretNames } from '../../iam/names.ts';
import { policyDocument, type PolicyName } from '../../iam/policies/documents.ts';
import type { Statement } from '../../iam/policies/document.ts';
import type { Diagnosis } from '../../output/index.ts';
import { refuseOtherAccount } from '../account.ts';
import type { RunContext } from '../context.ts';
import { type Check, diagnosis, failure, fine } from './check.ts';

export const caller: Check = {
  id: 'aws-caller',
  title: 'AWS caller',
  needs: [],
  settings: ['aws'],
  async run({ context }) {
    const { aws, config } = await context();
    const { arn, accountId, region } = await aws.identity();
    refuseOtherAccount(config, accountId, `the credentials belong to ${arn} in account ${accountId}`);
    return [fine(`${arn}, ${region}`)];
  },
};

/** Errors of a service that did not respond. Any other error is a response. */
const unreachable: readonly ErrorCode[] = ['aws-unreachable', 'tls-untrusted', 'proxy-invalid'];

export const endpoints: Check = {
  id: 'aws-endpoints',
  title: 'AWS endpoints',
  needs: ['aws'],
  settings: ['users'],
  async run({ context }) {
    const found = (await errorsOf(await context())).filter(({ code }) => unreachable.includes(code));
    if (found.length > 0) return found.map(failure);
    return [fine(`reachable: ${Object.keys(requests).join(', ')}`)];
  },
};

/** One cheap read for each endpoint that `up` uses. */
const requests: Readonly<Record<string, (aws: AwsPort, config: RunContext['config']) => Promise<unknown>>> = {
  STS: (aws) => aws.identity(),
  ECR: ({ ecr }) => ecr.registryHost(),
  'the ECR registry': async ({ ecr }, { project }) =>
    ecr.checkToken(await ecr.token(), `${project}/external-secrets`),
  IAM: ({ iam }, { users }) => iam.user(users.imagePuller.name),
  'Secrets Manager': ({ secrets }, config) => secrets.describe(secretNames(config).id),
};

/** What went wrong with the requests. */
const errorsOf = oncePerContext(async ({ aws, config }: RunContext): Promise<readonly BootstrapError[]> => {
  const noError = (): readonly BootstrapError[] => [];
  const sent = Object.values(requests).map((send) => send(aws, config).then(noError, knownError));
  return (await Promise.all(sent)).flat();
});

function knownError(error: unknown): readonly BootstrapError[] {
  if (!(error instanceof BootstrapError)) throw error;
  return [error];
}

export const permissions: Check = {
  id: 'aws-permissions',
  title: 'AWS permissions',
  needs: ['aws'],
  settings: ['users', 'secrets', 'repositories'],
  async run({ context }) {
    const ctx = await context();
    const identity = await ctx.aws.identity();
    const name = await neededPolicy(ctx);
    const { Statement: statements } = policyDocument(name, ctx.config, identity);
    const denied = await simulate(ctx, identity, statements);
    if (denied === undefined) {
      const refused = (await errorsOf(ctx)).filter(({ code }) => code === 'aws-denied');
      if (refused.length > 0) return [refusedReads(refused, name)];
      return [fine(`could not be simulated; \`up\` tries what \`ecr-bootstrap policy ${name}\` lists`)];
    }
    if (denied.length === 0) return [fine(`everything that \`ecr-bootstrap policy ${name}\` lists`)];
    return [missing(denied, name)];
  },
};

/** The first run, which creates the users, needs more than later runs. */
async function neededPolicy({ aws, config: { users } }: RunContext): Promise<PolicyName> {
  const managed = [users.powerUser, users.imagePuller].filter(({ manage }) => manage);
  try {
    const found = await Promise.all(managed.map(({ name }) => aws.iam.user(name)));
    return found.includes(undefined) ? 'first-run' : 'power-user';
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'aws-denied') throw error;
    return 'first-run';
  }
}

/** The denied actions. Undefined if the caller may not simulate policies, or is no user and no role. */
async function simulate(
  { aws }: RunContext,
  { arn }: CallerIdentity,
  statements: readonly Statement[],
): Promise<readonly string[] | undefined> {
  const principal = principalOf(arn);
  if (principal === undefined) return undefined;
  const answers = await Promise.all(
    statements.map((statement) =>
      aws.iam.deniedActions({
        principal,
        actions: statement.Action,
        resources: statement.Resource.map(exampleOf),
        context: contextOf(statement.Condition),
      }),
    ),
  );
  if (answers.includes(undefined)) return undefined;
  return [...new Set(answers.flatMap((denied) => denied ?? []))].sort();
}

/**
 * The user or role to simulate. The ARN of a session does not contain the path of its role, so a role with a path is
 * not found. The account's root user cannot be simulated.
 */
export function principalOf(arn: string): string | undefined {
  const [, partition = '', service, , account = '', resource = ''] = arn.split(':');
  const [kind, name = ''] = resource.split('/');
  if (service === 'sts' && kind === 'assumed-role') return `arn:${partition}:iam::${account}:role/${name}`;
  return service === 'iam' && kind === 'user' ? arn : undefined;
}

/** A request that meets the conditions of a statement: each key has the first of its values. */
const contextOf = (conditions: Statement['Condition'] = {}): SimulatedAccess['context'] =>
  Object.values(conditions).flatMap((tests) =>
    Object.entries(tests).map(([key, [first = '']]) => [key, [exampleOf(first)]] as const),
  );

/** A resource that a pattern of a policy covers. Patterns are not resources. */
const exampleOf = (pattern: string): string =>
  pattern === '*' ? pattern : pattern.replaceAll('??????', 'AbCdEf').replaceAll('*', 'example');

/** Without a simulation, only what `doctor` itself reads is known. */
const refusedReads = (errors: readonly BootstrapError[], policy: PolicyName): Diagnosis =>
  diagnosis('aws-permissions-missing', {
    what: [...new Set(errors.map(({ what }) => what))].join('; '),
    why: 'AWS denies requests that `up` needs, and does not allow a simulation of all others',
    hint: attachPolicy(policy),
  });

const attachPolicy = (policy: PolicyName): string =>
  `Ask an administrator to attach the output of: ecr-bootstrap policy ${policy}`;

/** More actions are only counted. */
const maxActions = 3;

function missing(actions: readonly string[], policy: PolicyName): Diagnosis {
  const shown = actions.slice(0, maxActions).join(', ');
  const rest = actions.length > maxActions ? ` and ${actions.length - maxActions} more` : '';
  return diagnosis('aws-permissions-missing', {
    what: `the AWS caller may not ${shown}${rest}`,
    why: 'a simulation of its policies denies what `up` needs',
    hint: attachPolicy(policy),
  });
}

/** Compares the clocks by the time in a response, which STS also sends to a request without a signature. */
export const clock: Check = {
  id: 'clock',
  title: 'Clock',
  needs: [],
  settings: ['aws'],
  async run({ context, session, signal }) {
    const { config } = await context();
    const { region } = config.aws;
    const net = session.net ?? createNet(session.ca, session.env);
    try {
      const answer = await request(net, `https://sts.${region}.${partitionOf(region).domain}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'Action=GetCallerIdentity&Version=2011-06-15',
        signal,
      });
      answer.body.destroy();
      // The AWS SDK signs requests with the time of the system.
      return [clockDifference(answer.header('date'), Date.now())];
    } catch (error) {
      signal.throwIfAborted();
      return [fine(`not compared: ${error instanceof Error ? error.message : 'no answer'}`)];
    } finally {
      if (!session.net) await net.close();
    }
  },
};

/** Seconds. AWS rejects requests whose time is wrong by five minutes or more. */
const maxDifferenceSeconds = 60;

/** @param date the header of a response */
export function clockDifference(date: string | undefined, nowMs: number): Diagnosis {
  const serverMs = Date.parse(date ?? '');
  if (Number.isNaN(serverMs)) return fine('not compared: AWS sent no time');
  const seconds = Math.round((nowMs - serverMs) / 1000);
  if (Math.abs(seconds) <= maxDifferenceSeconds) return fine('agrees with AWS');
  return diagnosis('clock-wrong', {
    what: `the clock of this computer is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} AWS`,
    why: 'AWS rejects requests and certificates whose time does not fit',
    hint: 'Synchronize the clock, on Linux with: timedatectl set-ntp true',
  });
}

export const blobMounting: Check = {
  id: 'blob-mounting',
  title: 'Blob mounting',
  needs: ['aws'],
  async run({ context }) {
    const { aws } = await context();
    const isOn = await aws.ecr.blobMounting();
    if (isOn === undefined) return [fine('unknown: this account or region does not report it')];
    if (isOn) return [fine('on: layers that images share are uploaded once')];
    return [
      diagnosis('blob-mounting-off', {
        what: 'ECR uploads a layer again for every repository that has it',
        why: "the account's setting BLOB_MOUNTING is off",
        hint: `Set aws.blobMounting to true, or turn it on: aws ecr put-account-setting --name BLOB_MOUNTING --value ENABLED --region ${aws.region}`,
      }),
    ];
  },
};
