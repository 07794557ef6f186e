import type { ListedSecret, Tags, User } from '../clients/aws/port.ts';
import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import type { AccessKeyContext } from './context.ts';
import { oncePerContext } from '../core/once.ts';
import { describeStored } from './stored.ts';
import { tags as tagKeys } from '../core/ownership.ts';
import { secretNames } from '../iam/names.ts';
import { clusterLabel, type ClusterRecord, maxTags, recordsIn } from './registration/records.ts';
import { awsTags, ownershipOf } from '../iam/tags.ts';

type UserRole = keyof Config['users'];

/** A user with an earlier name that still exists, or whose secrets still exist. */
export interface FormerUser {
  readonly who: UserRole;
  readonly name: string;
  /** `unreadable`: the caller may not read it. */
  readonly user: User | 'unreadable' | undefined;
  /** Only for an image puller. */
  readonly secrets: readonly ListedSecret[];
}

export interface FormerUsers {
  readonly users: readonly FormerUser[];
  /** Why the secrets could not be listed. */
  readonly denied?: BootstrapError;
}

/** Finds earlier users by tags, because the current settings do not contain their names. */
export const observeFormerUsers = oncePerContext(async (ctx: AccessKeyContext): Promise<FormerUsers> => {
  const { secrets, denied } = await secretsOfProject(ctx);
  const stored = await describeStored(ctx);
  const { powerUser, imagePuller } = ctx.config.users;
  const pullers = new Map<string, ListedSecret[]>();
  for (const secret of secrets) {
    const name = imagePullerOf(secret, ctx.config);
    if (name === undefined || name === imagePuller.name) continue;
    pullers.set(name, [...(pullers.get(name) ?? []), secret]);
  }
  const noted = [...[...pullers.values()].flat(), ...(stored.id ? [stored.id] : [])].flatMap(({ tags }) =>
    powerUsersIn(tags),
  );
  const names = new Set(noted.filter((name) => name !== powerUser.name));
  const users = await Promise.all([
    ...[...pullers].map(([name, its]) => find('imagePuller', name, its, ctx)),
    ...[...names].map((name) => find('powerUser', name, [], ctx)),
  ]);
  const found = users.filter(({ user, secrets: its }) => user !== undefined || its.length > 0);
  return { users: found, ...(denied ? { denied } : {}) };
});

/** The registrations of a cluster with the secrets of earlier names. */
export async function formerRegistrations(
  ctx: AccessKeyContext,
  clusterId: string,
): Promise<readonly ListedSecret[]> {
  const { id } = secretNames(ctx.config);
  const { secrets } = await secretsOfProject(ctx);
  return secrets.filter(
    ({ name, tags }) => name !== id && tags[`${tagKeys.cluster}/${clusterId}`] !== undefined,
  );
}

/** All secrets with the tags of this project and region. */
export const secretsOfProject = oncePerContext(
  async ({
    aws,
    config,
  }: AccessKeyContext): Promise<{ secrets: readonly ListedSecret[]; denied?: BootstrapError }> => {
    try {
      const listed = await aws.secrets.list(tagKeys.project);
      const wanted = awsTags(config);
      return { secrets: listed.filter(({ tags }) => ownershipOf(tags, wanted) === 'managed') };
    } catch (error) {
      if (error instanceof BootstrapError && error.code === 'aws-denied')
        return { secrets: [], denied: error };
      throw error;
    }
  },
);

/** The names of the secrets begin with the name of the user. */
function imagePullerOf({ name }: ListedSecret, config: Config): string | undefined {
  const { imagePuller } = config.users;
  const suffixes = Object.values(secretNames(config)).map((own) =>
    String(own).slice(imagePuller.name.length),
  );
  const suffix = suffixes.find((one) => name.endsWith(one));
  return suffix === undefined ? undefined : name.slice(0, -suffix.length);
}

/** Names and paths in IAM can have a comma, tags cannot. Tags can have a colon, names and paths cannot. */
const inTag = (text: string): string => text.replaceAll(',', ':');

const powerUserTag = (name: string): string => `${tagKeys.powerUser}/${inTag(name)}`;

const powerUsersIn = (tags: ListedSecret['tags']): string[] =>
  Object.keys(tags)
    .filter((key) => key.startsWith(powerUserTag('')))
    .map((key) => key.slice(powerUserTag('').length).replaceAll(':', ','));

/**
 * The tag that records the current power user, on the secret that holds the key ID.
 * @param tags the tags of the secret; without room for another tag, the note is omitted
 */
export function powerUserNote({ users: { powerUser } }: Config, tags: Tags = {}): Tags {
  const key = powerUserTag(powerUser.name);
  const hasRoom = key in tags || Object.keys(tags).length < maxTags;
  return powerUser.manage && hasRoom ? { [key]: inTag(powerUser.path) } : {};
}

/** Tag keys of notes about users that no longer exist. */
export const outdatedNotes = (
  tags: ListedSecret['tags'],
  { users }: FormerUsers,
  { users: { powerUser } }: Config,
): string[] =>
  powerUsersIn(tags)
    .filter((name) => name !== powerUser.name)
    .filter((name) => !users.some((one) => one.who === 'powerUser' && one.name === name))
    .map(powerUserTag);

/** IAM names are unique regardless of case. */
const isInUse = (name: string, { users }: Config): boolean =>
  Object.values(users).some((one) => one.name.toLowerCase() === name.toLowerCase());

async function find(
  who: UserRole,
  name: string,
  secrets: readonly ListedSecret[],
  { aws, config }: AccessKeyContext,
): Promise<FormerUser> {
  if (isInUse(name, config)) return { who, name, user: undefined, secrets };
  try {
    const user = await aws.iam.user(name);
    const isManaged = user && ownershipOf(user.tags, awsTags(config)) === 'managed';
    return { who, name, user: isManaged ? user : undefined, secrets };
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'aws-denied') throw error;
    return { who, name, user: 'unreadable', secrets };
  }
}

/** A context with the settings that created an earlier user. */
export function asConfiguredFor<Ctx extends AccessKeyContext>(former: FormerUser, ctx: Ctx): Ctx {
  const { who, name, user } = former;
  const { config } = ctx;
  const path = user !== undefined && user !== 'unreadable' ? user.path : config.users[who].path;
  const users = { ...config.users, [who]: { ...config.users[who], name, path, manage: true } };
  const fresh: Ctx['fresh'] = (change) => asConfiguredFor(former, ctx.fresh(change));
  return Object.create(ctx, { config: { value: { ...config, users } }, fresh: { value: fresh } }) as Ctx;
}

/** The clusters that are registered with the secrets of an earlier image puller. */
export const clustersOf = ({ secrets }: FormerUser): ClusterRecord[] =>
  secrets.flatMap(({ tags }) => recordsIn(tags));

/** The findings of the step for one of the two users. */
export function formerFindings(who: UserRole, { users, denied }: FormerUsers): Finding[] {
  const findings = users.filter((one) => one.who === who).map(stillThere);
  if (who !== 'imagePuller' || !denied) return findings;
  return [
    ...findings,
    finding('former-user', {
      level: 'unknown',
      target: { kind: 'step', name: 'image-puller' },
      what: 'could not look for users and secrets of earlier settings',
      why: denied.why,
      hint: denied.hint,
    }),
  ];
}

function stillThere(former: FormerUser): Finding {
  const { who, name, user, secrets } = former;
  const clusters = clustersOf(former);
  const also = secrets.length > 0 ? secrets.map((one) => one.name).join(', ') : '';
  const things = [...(user === undefined ? [] : [`IAM user ${name}`]), ...(also === '' ? [] : [also])];
  const removal = who === 'imagePuller' ? 'down --aws --delete-secrets' : 'down --aws';
  return finding('former-user', {
    target: { kind: 'IAM user', name },
    what: `${things.join(' with ')} ${user === 'unreadable' ? 'may still exist' : 'still exists'} from an earlier users.${who}.name`,
    why:
      clusters.length > 0
        ? `clusters are registered with it: ${clusters.map(clusterLabel).join('; ')}`
        : 'its access keys still work',
    hint:
      clusters.length > 0
        ? 'Run `ecr-bootstrap up` for each of these clusters with the new name.'
        : `\`ecr-bootstrap ${removal}\` deletes it together with everything else. To delete only this user: \`${deletionCommand(former)}\`.`,
  });
}

/** A shell command on one line. */
function deletionCommand({ name, user, secrets }: FormerUser): string {
  const policy =
    user === undefined || user === 'unreadable'
      ? []
      : [user.arn.replace(`:user${user.path}${name}`, `:policy${user.path}ecr-bootstrap-${name}`)];
  const aws = 'aws iam';
  const each = (list: string, query: string, command: string): string =>
    `for i in $(${aws} ${list} --user-name ${name} --query '${query}' --output text); do ${command}; done`;
  const ofUser = [
    each(
      'list-access-keys',
      'AccessKeyMetadata[].AccessKeyId',
      `${aws} delete-access-key --user-name ${name} --access-key-id $i`,
    ),
    each(
      'list-attached-user-policies',
      'AttachedPolicies[].PolicyArn',
      `${aws} detach-user-policy --user-name ${name} --policy-arn $i`,
    ),
    ...policy.map((arn) => `${aws} delete-policy --policy-arn ${arn}`),
    `${aws} delete-user --user-name ${name}`,
  ];
  const ofSecrets = secrets.map((one) => `aws secretsmanager delete-secret --secret-id ${one.name}`);
  return [...(user === undefined ? [] : ofUser), ...ofSecrets].join('; ');
}
