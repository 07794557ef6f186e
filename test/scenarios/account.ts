import type { Sandbox } from '../../sandbox/index.ts';

type Tags = ReadonlyMap<string, string>;

const sortedWords = (names: Iterable<string>) => [...names].sort().join(' ') || 'none';
const formatTags = (tags: Tags) => sortedWords([...tags].map(([key, value]) => `${key}=${value}`));

/**
 * Describes the account, one line per resource, with everything that shows a deviation: for example how many keys
 * a user has, and which stages the versions of a secret have. Values and ids that differ between runs are left
 * out. So is AWSPREVIOUS, because the previous value is history.
 */
export function describeAccount({ account, aws: { identities, secrets, registry } }: Sandbox): string[] {
  // A cluster's registration contains the key that it has verified, and the time.
  const withoutKey = (tag: string): string =>
    tag.replace(/^(AKIA\w+) \S+/, (_, id: string) =>
      identities.keys.get(id)?.active ? 'active key' : 'old key',
    );
  const users = [...identities.users.values()].map((user) => {
    const keys = [...identities.keys.values()].filter((key) => key.user === user);
    const states = keys.map(({ active }) => (active ? 'active' : 'inactive'));
    const policies = [...user.attached, ...user.inline.keys()];
    return `user ${user.name}, keys: ${sortedWords(states)}, policies: ${sortedWords(policies)}, tags: ${formatTags(user.tags)}`;
  });
  const policies = [...identities.policies.values()]
    .filter(({ arn }) => arn.includes(account))
    .map(({ name, tags }) => `policy ${name}, tags: ${formatTags(tags)}`);
  const repositories = [...registry.repositories.values()].map(
    ({ name, tags, awsTags }) =>
      `repository ${name}, images: ${sortedWords(tags.keys())}, tags: ${formatTags(awsTags)}`,
  );
  const kept = secrets.all().map(({ name, versions, deletion, tags }) => {
    const all = [...versions.values()].flatMap((version) => [...version.stages]);
    const stages = all.filter((stage) => stage !== 'AWSPREVIOUS');
    const state = deletion ? 'to be deleted' : `stages: ${sortedWords(stages)}`;
    const shown = [...tags].map(([key, value]) => [key, withoutKey(value)] as const);
    return `secret ${name}, ${state}, tags: ${formatTags(new Map(shown))}`;
  });
  return [...users, ...policies, ...repositories, ...kept].sort();
}

/** Resets the account to a new one, with only its administrator. */
export function resetAccount({ account, aws: { identities, secrets, registry }, admin }: Sandbox): void {
  const kept = identities.workingKey(admin.accessKeyId);
  for (const [id, key] of identities.keys) if (key !== kept) identities.keys.delete(id);
  for (const [name, user] of identities.users) if (user !== kept.user) identities.users.delete(name);
  for (const arn of identities.policies.keys()) if (arn.includes(account)) identities.policies.delete(arn);
  for (const secret of secrets.all()) secret.deletion = { at: 0, gone: 0 };
  registry.repositories.clear();
}
