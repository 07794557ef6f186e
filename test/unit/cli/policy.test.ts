import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli, type RunOptions } from '../../support/cli.ts';

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Item {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly subjects?: readonly object[];
}

const boundary = 'arn:aws:iam::123456789012:policy/boundary';
/** An environment without any setting. */
const nothing = {
  ECR_BOOTSTRAP_PROJECT: undefined,
  ECR_BOOTSTRAP_ACCOUNT_ID: undefined,
  AWS_REGION: undefined,
  AWS_DEFAULT_REGION: undefined,
  AWS_PROFILE: undefined,
};

let cli: Cli;
beforeAll(async () => void (cli = await openCli()));
afterAll(() => cli.close());

async function documentOf(line: string, options?: RunOptions): Promise<object> {
  const { document } = await cli.json(line, options);
  return (document['document'] as { document: object }).document;
}

const itemsOf = async (line: string): Promise<readonly Item[]> =>
  ((await documentOf(line)) as { items: readonly Item[] }).items;

describe('policy cluster', () => {
  it('prints roles and their bindings to a user as YAML, below a summary of what they grant', async () => {
    const { code, stdout, stderr } = await cli.run('policy cluster --user jane');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# This grants cluster-admin/);
    expect(stderr).toMatch(/grants cluster-admin/);
    const items = loadAll(stdout) as Item[];
    expect(items.map(({ kind, metadata }) => [kind, metadata.name, metadata.namespace])).toEqual([
      ['ClusterRole', 'ecr-bootstrap', undefined],
      ['ClusterRoleBinding', 'ecr-bootstrap', undefined],
      ['Role', 'ecr-bootstrap', 'kube-system'],
      ['RoleBinding', 'ecr-bootstrap', 'kube-system'],
    ]);
    const subject = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' };
    expect(items.flatMap(({ subjects = [] }) => subjects)).toEqual([subject, subject]);
    expect(items).toEqual(await itemsOf('policy cluster --user jane'));
  });

  it('binds the roles to a group', async () => {
    const items = await itemsOf('policy cluster --group oidc:platform/team');
    expect(items[1]?.subjects).toEqual([
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'oidc:platform/team' },
    ]);
  });

  it('says on stderr that a placeholder stands for the subject', async () => {
    const { stdout, stderr } = await cli.run('policy cluster');
    expect(stdout).toContain('name: SUBJECT');
    expect(stderr).toMatch(/SUBJECT.*--user or --group/);
  });

  it('restricts every verb that the API can restrict by name, except for service accounts, ConfigMaps, pods and their logs', async () => {
    const rules = (await itemsOf('policy cluster')).flatMap(({ rules: some = [] }) => some);
    const byName = ['get', 'update', 'patch', 'delete', 'escalate', 'bind'];
    const open = rules.filter(
      ({ verbs, resourceNames }) => !resourceNames && verbs.some((verb) => byName.includes(verb)),
    );
    expect(open.flatMap(({ resources }) => resources)).toEqual([
      ...['configmaps', 'pods', 'pods/log', 'serviceaccounts'],
    ]);
    for (const { verbs, resourceNames } of rules) {
      if (resourceNames) expect(verbs.filter((verb) => !byName.includes(verb))).toEqual([]);
    }
  });

  it('uses the configured name of the pull secret', async () => {
    const file = join(cli.folder, 'renamed.yaml');
    writeFileSync(file, 'pullSecret: { name: registry-login }\n');
    const { stdout } = await cli.run(`policy cluster --config ${file}`);
    expect(stdout).toContain('- registry-login');
    expect(stdout).not.toContain('- puller\n');
  });

  it.each([
    ['policy cluster --user jane --group ops', 'cannot be used with'],
    ['policy first-run --user jane', 'applies to policy cluster only'],
    [['policy', 'cluster', '--user', ''], 'is not a user or group name'],
    [['policy', 'cluster', '--user', ' jane'], 'is not a user or group name'],
    [['policy', 'cluster', '--group', 'ops\nadmins'], 'is not a user or group name'],
  ])('refuses %j', async (line, why) => {
    const { code, stdout, stderr } = await cli.run(line);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(why);
  });

  it('grants exactly the permissions that up checks before its first change', async () => {
    const user = 'nearly';
    for (const item of await itemsOf(`policy cluster --user ${user}`)) {
      const rules = item.rules?.map((rule) =>
        rule.resources.includes('secrets') && rule.resourceNames
          ? { ...rule, resourceNames: rule.resourceNames.filter((name) => name !== 'image-puller') }
          : rule,
      );
      cli.world.cluster.put({ ...item, ...(rules ? { rules } : {}) });
    }
    const kubeconfig = join(cli.folder, user);
    writeFileSync(kubeconfig, cli.world.cluster.kubeconfig(cli.world.clusterUrl, cli.world.caPem, user));
    const { code, document } = await cli.json(`up --yes --kubeconfig ${kubeconfig}`);
    expect(code).toBe(2);
    expect(document.error).toMatchObject({
      code: 'cluster-denied',
      why: "the kubeconfig's user may not delete secrets image-puller, get secrets image-puller, patch secrets image-puller",
      hint: expect.stringContaining('ecr-bootstrap policy cluster --user') as string,
    });
  });
});

describe('policy first-run', () => {
  it('warns that it grants administrator access', async () => {
    const { stderr } = await cli.run('policy first-run');
    expect(stderr).toMatch(/grants administrator access to the AWS account/);
  });

  it('requires the permissions boundary of each user where the user is created or gets another boundary', async () => {
    const file = join(cli.folder, 'bounded.yaml');
    writeFileSync(
      file,
      `users: { powerUser: { permissionsBoundary: ${boundary} }, imagePuller: { permissionsBoundary: ${boundary} } }\n`,
    );
    const { Statement } = (await documentOf(`policy first-run --config ${file}`)) as {
      Statement: readonly { Action: readonly string[]; Condition?: object }[];
    };
    const aboutUsers = Statement.filter(({ Action }) =>
      Action.some((action) => /^iam:(CreateUser|.*PermissionsBoundary)$/.test(action)),
    );
    expect(aboutUsers).toHaveLength(2);
    for (const { Condition } of aboutUsers)
      expect(Condition).toEqual({ StringEquals: { 'iam:PermissionsBoundary': [boundary] } });
    const { stderr } = await cli.run(`policy first-run --config ${file}`);
    expect(stderr).toContain(`grants everything that the permissions boundary allows (${boundary})`);
  });
});

describe('before init', () => {
  it.each(['first-run', 'power-user', 'image-puller'])(
    'prints the policy %s with placeholders, and warns on stderr',
    async (name) => {
      const { code, stdout, stderr } = await cli.run(`policy ${name}`, { env: nothing });
      expect(code).toBe(0);
      expect(stdout).toContain('arn:aws:ecr:REGION:ACCOUNT_ID:repository/PROJECT/*');
      expect(stderr).toContain('PROJECT for the project, REGION for the region, ACCOUNT_ID for the account');
      expect(stderr).toContain('--project, --region, --account-id');
    },
  );

  it('uses the project, the region and the account of the flags', async () => {
    const line = 'policy power-user --project web --region eu-west-1 --account-id 210987654321';
    const { stdout, stderr } = await cli.run(line, { env: nothing });
    expect(stdout).toContain('arn:aws:ecr:eu-west-1:210987654321:repository/web/*');
    expect(stderr).toBe('');
  });

  it('prints the roles for the cluster', async () => {
    const { code, stderr } = await cli.run('policy cluster --user jane', { env: nothing });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('PROJECT')]);
  });

  it('refuses an invalid value', async () => {
    const { code, stderr } = await cli.run('policy power-user --region nowhere', { env: nothing });
    expect(code).toBe(2);
    expect(stderr).toContain('--region');
  });
});
