import type { World } from '../../sandbox/world.ts';

/** A field that a plan shows, and a function that changes it outside ecr-bootstrap. */
export interface AwsLeaf {
  /** For example `IAM user power-user: path`. A deletion has no field. */
  readonly line: string;
  corrupt(): void;
}

/** Tags that show the owner. When one is changed, the resource belongs to another project. */
const isMark = (path: string): boolean => /^tags\.ecr-bootstrap:(project|region)$/.test(path);

interface PlannedChange {
  readonly target: { readonly kind: string; readonly name: string };
  readonly fields: readonly { readonly path: string }[];
}

/**
 * Every field that a first plan sets in AWS and that can be restored.
 * @param created the changes of that plan
 * @param unchangeable fields that AWS cannot change
 */
export function awsLeaves(
  world: World,
  created: readonly PlannedChange[],
  unchangeable: readonly string[],
): AwsLeaf[] {
  const changesInAws = created.filter(({ target }) => /^(IAM|ECR|AWS) /.test(target.kind));
  return changesInAws.flatMap(({ target, fields }) =>
    fields
      .map(({ path }) => path)
      .filter((path) => !isMark(path) && !unchangeable.includes(path))
      .flatMap((path) => leavesOf(world, target, path)),
  );
}

function leavesOf(world: World, { kind, name }: PlannedChange['target'], path: string): AwsLeaf[] {
  const line = `${kind} ${name}: ${path}`;
  const { identities, secrets, registry } = world.aws;
  const policy = [...identities.policies.values()].find((one) => one.name === name);
  const tagsByKind: Readonly<Record<string, Map<string, string> | undefined>> = {
    'IAM user': identities.users.get(name)?.tags,
    'IAM policy': policy?.tags,
    'ECR repository': registry.repositories.get(name)?.awsTags,
    'AWS secret': secrets.get(name)?.tags,
  };
  if (path.startsWith('tags.')) {
    const key = path.slice('tags.'.length);
    return [{ line, corrupt: () => void tagsByKind[kind]?.set(key, 'drifted') }];
  }
  if (kind === 'IAM policy attachment') {
    const [user = '', attached = ''] = name.split('/');
    const held = identities.users.get(user)?.attached;
    const arn = [...(held ?? [])].find((one) => one.endsWith(`/${attached}`)) ?? '';
    return [{ line: `${kind} ${name}`, corrupt: () => void held?.delete(arn) }];
  }
  if (kind === 'IAM policy' && policy) return statementLeaves(line, path, policy);
  const set = settings[`${kind}: ${path}`];
  if (!set) throw new Error(`nobody knows how to change ${line}`);
  return [{ line, corrupt: () => set(world, name) }];
}

/** Changes a setting, by kind and field. Add every setting that is new in a plan here. */
const settings: Readonly<Record<string, (world: World, name: string) => void>> = {
  'IAM user: permissionsBoundary': ({ aws }, name) => {
    const user = aws.identities.users.get(name);
    if (user) user.boundary = undefined;
  },
  'ECR repository: tagMutability': ({ aws }, name) => {
    const repository = aws.registry.repositories.get(name);
    if (repository) {
      repository.tagMutability = repository.tagMutability === 'MUTABLE' ? 'IMMUTABLE' : 'MUTABLE';
    }
  },
  'ECR repository: scanOnPush': ({ aws }, name) => {
    const repository = aws.registry.repositories.get(name);
    if (repository) repository.scanOnPush = !repository.scanOnPush;
  },
  'ECR repository: lifecyclePolicy': ({ aws }, name) => {
    const repository = aws.registry.repositories.get(name);
    if (repository) repository.lifecyclePolicy = '{"rules":[]}';
  },
};

type Policy = World['aws']['identities']['policies'] extends ReadonlyMap<string, infer P> ? P : never;
type Statement = Record<string, unknown> & { Sid: string };

/** Each part of the policy statement that a field of the plan shows. */
function statementLeaves(line: string, path: string, policy: Policy): AwsLeaf[] {
  const sid = path.slice('document.'.length);
  const edit = (change: (statement: Statement) => void): void => {
    const { document, created } = policy.versions.get(policy.defaultVersion) ?? { document: '', created: 0 };
    const whole = JSON.parse(document) as { Statement: Statement[] };
    whole.Statement.filter((statement) => statement.Sid === sid).forEach(change);
    policy.versions.set(policy.defaultVersion, { document: JSON.stringify(whole), created });
  };
  const { document = '{"Statement":[]}' } = policy.versions.get(policy.defaultVersion) ?? {};
  const [statement = {}] = (JSON.parse(document) as { Statement: Statement[] }).Statement.filter(
    ({ Sid }) => Sid === sid,
  );
  return Object.keys(statement)
    .filter((key) => key !== 'Sid')
    .map((key) => ({
      line: `${line}.${key}`,
      corrupt: () =>
        edit((one) => {
          if (key === 'Condition') delete one[key];
          else one[key] = key === 'Effect' ? 'Deny' : ['drifted:Drifted'];
        }),
    }));
}
