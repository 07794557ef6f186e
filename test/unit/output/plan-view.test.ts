import stringWidth from 'fast-string-width';
import { describe, expect, it } from 'vitest';
import { type FindingCode, findingCodes } from '../../../src/core/finding-codes.ts';
import type { Finding } from '../../../src/core/findings.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { Change, Field } from '../../../src/core/step.ts';
import { Layout } from '../../../src/output/layout.ts';
import type { PlannedStep, PlanView } from '../../../src/output/view.ts';
import { planLines } from '../../../src/output/views/plan.ts';

const change = (
  action: Change['action'],
  kind: string,
  name: string,
  more: Partial<Change> = {},
): Change => ({ action, target: { kind, name }, fields: [], ...more });

const step = (group: PlannedStep['group'], changes: readonly Change[], more: Partial<PlannedStep> = {}) => ({
  step: `${group}-step`,
  title: `title of ${group}`,
  group,
  changes,
  findings: [],
  ...more,
});

const lines = (
  steps: readonly PlannedStep[],
  { verbose = false, width = 80, ...view }: Partial<PlanView> & { verbose?: boolean; width?: number } = {},
): string[] => planLines({ steps, dryRun: false, ...view }, new Layout({ width }), verbose);

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a plan by purpose', () => {
  it('has one line for the users, one for the repositories and one for the images, with source registries', () => {
    const hosts = ['docker.io', 'quay.io', 'quay.io'];
    const steps = [
      step(
        'aws',
        [
          change('create', 'IAM user', 'power-user', { label: 'power-user (push)' }),
          change('create', 'IAM policy', 'p'),
        ],
        { topic: 'users' },
      ),
      step(
        'aws',
        [
          change('create', 'IAM user', 'image-puller', { label: 'image-puller (pull)' }),
          change('create', 'IAM policy', 'q'),
        ],
        { topic: 'users' },
      ),
      step('images', [
        ...hosts.map((label, index) =>
          change('create', 'ECR repository', `r${index}`, { label, topic: 'repositories' }),
        ),
        ...hosts.map((label, index) => change('create', 'image', `i${index}`, { label })),
      ]),
    ];
    expect(lines(steps)).toEqual([
      'AWS',
      '  + 2 IAM users     power-user (push), image-puller (pull), 2 IAM policies',
      '  + 3 repositories  quay.io 2, docker.io 1',
      'Images',
      '  + 3 to copy  quay.io 2, docker.io 1',
      '',
      'Plan: 10 to create, 0 to update, 0 to delete. (-v lists all)',
    ]);
  });

  it('counts what has no label by its kind, the largest number first', () => {
    const crds = numbers(16).map((index) => change('create', 'CustomResourceDefinition', `crd${index}`));
    const others = ['IAM policy', 'IAM policy', 'IAM access key', 'IAM access key'].map((kind, index) =>
      change('create', kind, `${index}`),
    );
    expect(lines([step('operator', [...others, ...crds])])[1]).toBe(
      '  + External Secrets Operator  16 CRDs, 2 IAM policies, 2 IAM access keys',
    );
  });

  it('shows how long the copies take at least when that is noticeable', () => {
    const copies = (count: number) => [
      step('images', [
        ...numbers(count).map((index) => change('create', 'image', `i${index}`, { label: 'quay.io' })),
        ...numbers(99).map((index) => change('create', 'ECR repository', `r${index}`)),
      ]),
    ];
    expect(lines(copies(200)).at(-1)).toBe(
      '200 images take at least 20 s: ECR accepts 10 manifests a second.',
    );
    expect(lines(copies(40)).at(-1)).toMatch(/^Plan: 139 to create/);
  });

  it('shows how many bytes the images to copy have, as far as that is known', () => {
    const images = numbers(9).map((index) =>
      change('create', 'image', `i${index}`, { label: 'quay.io', sizeBytes: 150e6 }),
    );
    expect(lines([step('images', images)])[1]).toBe('  + 9 to copy, 1.4 GB  quay.io 9');
    const unknown = change('create', 'image', 'x', { label: 'ghcr.io' });
    expect(lines([step('images', [...images, unknown])])[1]).toBe(
      '  + 10 to copy, over 1.4 GB  quay.io 9, ghcr.io 1',
    );
    expect(lines([step('images', images.slice(0, 1))])[1]).toBe('  + image i0 150 MB');
  });

  it('calls what is created by its subject, and does not count what other changes stand for', () => {
    const steps = [
      step(
        'pull-secrets',
        [
          change('create', 'SecretStore', 's', { label: '' }),
          change('create', 'Secret', 'p', { label: 'renewed every hour' }),
        ],
        { subject: 'pull secret "puller"' },
      ),
      step('pull-secrets', [change('create', 'ClusterExternalSecret', 'p', { label: '6 namespaces' })]),
      step(
        'images',
        numbers(8).map((index) => change('create', 'image', `i${index}`, { label: 'quay.io' })),
      ),
    ];
    expect(lines(steps)[1]).toBe('  + pull secret "puller"  renewed every hour, 6 namespaces');
  });

  it('counts by kind what usually has no line, if nothing else is created', () => {
    const roles = ['a', 'b'].map((name) => change('create', 'RoleBinding', name, { label: '' }));
    const others = numbers(8).map((index) => change('create', 'image', `i${index}`));
    expect(lines([step('pull-secrets', roles), step('images', others)])[1]).toBe(
      '  + pull secret  2 RoleBindings',
    );
  });

  it('counts updates that have a label, and names what the title of deletions counts', () => {
    const accounts = numbers(8).map((index) =>
      change('update', 'ServiceAccount', `n${index}/default`, { label: 'now, more later' }),
    );
    const deleted = ['r', 's'].map((name) => change('delete', 'ECR repository', name));
    const text = lines([step('aws', deleted, { topic: 'repositories' }), step('workloads', accounts)]);
    expect(text.slice(0, 4)).toEqual([
      'AWS',
      '  - 2 repositories  r, s',
      'Cluster',
      '  ~ service accounts  8 now, more later',
    ]);
  });

  it('shows the fields of an update that a creation would stand for', () => {
    const crds = numbers(10).map((index) => change('create', 'CustomResourceDefinition', `crd${index}`));
    const registration = change('update', 'cluster registration', 'a', {
      ...{ topic: 'access-key', label: '' },
      fields: [{ path: 'key', from: 'one', to: 'another' }],
    });
    expect(lines([step('aws', [registration]), step('operator', crds)]).slice(0, 3)).toEqual([
      'AWS',
      '  ~ cluster registration a',
      '      key: one -> another',
    ]);
  });

  it('keeps the reasons and adoptions of updates in a plan that only counts their fields', () => {
    const reason = 'adopted, so it is kept';
    const kept = ['a', 'b'].map((name) =>
      change('update', 'IAM user', name, { reason, fields: [{ path: 'x' }] }),
    );
    const fields = numbers(12).map((index) => ({ path: `f${index}` }));
    const secret = change('update', 'Secret', 'c', { fields, adopts: { owner: 'Helm' } });
    const others = numbers(8).map((index) => change('create', 'image', `i${index}`));
    expect(lines([step('aws', [...kept, secret]), step('images', others)]).slice(1, 3)).toEqual([
      '  ~ 2 IAM users (adopted, so it is kept)  a, b',
      '  ~ Secret c (adopted)  f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11',
    ]);
  });

  it('warns of what a counted change breaks', () => {
    const warning = 'pulls from docker.io that are not in ECR will fail';
    const access = change('create', 'ExternalSecret', 'x', { label: '3 nodes', warning });
    const others = numbers(8).map((index) => change('create', 'image', `i${index}`));
    expect(lines([step('nodes', [access]), step('images', others)]).slice(1, 3)).toEqual([
      '  + node access  3 nodes',
      `    ! ${warning}`,
    ]);
  });

  it('calls a single change that its title does not count by its kind, so that no key seems to be deleted', () => {
    const others = numbers(8).map((index) => change('delete', 'Secret', `s${index}`));
    const registration = change('delete', 'cluster registration', 'c');
    const text = lines([step('aws', [registration], { topic: 'access-key' }), step('nodes', others)]);
    expect(text.slice(0, 2)).toEqual(['AWS', '  - cluster registration  c']);
  });

  it('calls a deleted admission policy so, and not service accounts', () => {
    const deleted = [
      change('delete', 'MutatingAdmissionPolicy', 'p'),
      change('delete', 'MutatingAdmissionPolicyBinding', 'p', { label: '' }),
    ];
    const others = numbers(8).map((index) => change('delete', 'Secret', `s${index}`));
    expect(lines([step('workloads', deleted), step('nodes', others)])[1]).toBe(
      '  - admission policy  1 MutatingAdmissionPolicy',
    );
  });

  it('shows only the creation of a target that the plan creates and then updates', () => {
    const steps = [
      step('aws', [change('create', 'registration', 'x')], { topic: 'access-key' }),
      step('aws', [change('update', 'registration', 'x', { fields: [{ path: 'verified', to: true }] })]),
    ];
    const others = step(
      'images',
      numbers(8).map((index) => change('create', 'image', `i${index}`)),
    );
    const text = lines([...steps, others]);
    expect(text.slice(0, 2)).toEqual(['AWS', '  + registration  x']);
    expect(text.join('\n')).not.toContain('verified');
    expect(text.at(-1)).toBe('Plan: 9 to create, 0 to update, 0 to delete. (-v lists all)');
  });

  it('shows each field of an update with its old and new value', () => {
    const fields = [
      { path: 'spec.image', from: 'a', to: 'b' },
      { path: 'spec.count', to: 2 },
    ];
    expect(lines([step('operator', [change('update', 'Deployment', 'x/y', { fields })])])).toEqual([
      'operator-step  title of operator',
      '  ~ Deployment x/y',
      '      spec.image: a -> b',
      '      spec.count: (none) -> 2',
      '',
      'Plan: 0 to create, 1 to update, 0 to delete.',
    ]);
  });

  it('counts replacements only if there are any, and names every replaced resource', () => {
    const roles = numbers(9).map((index) => change('delete', 'Role', `r${index}`));
    const text = lines([step('operator', [change('replace', 'Secret', 'a/b'), ...roles])]);
    expect(text).toContain('  -/+ Secret a/b');
    expect(text).toContain('  - External Secrets Operator  9 Roles');
    expect(text.at(-1)).toBe('Plan: 0 to create, 0 to update, 1 to replace, 9 to delete. (-v lists all)');
  });

  it('lists a short plan by step in the order of execution, with reasons', () => {
    const changes = [change('create', 'image', 'b', { reason: 'as demo/b' }), change('delete', 'image', 'a')];
    expect(lines([step('images', changes), step('aws', [change('create', 'IAM user', 'x')])])).toEqual([
      'images-step  title of images',
      '  + image b (as demo/b)',
      '  - image a',
      'aws-step  title of aws',
      '  + IAM user x',
      '',
      'Plan: 2 to create, 0 to update, 1 to delete.',
    ]);
  });

  it('lists every change by step when verbose', () => {
    const many = ['a', 'b', 'c'].map((name) => change('update', 'ServiceAccount', `ns/${name}`));
    expect(lines([step('workloads', many)])).toContain('  ~ 3 ServiceAccounts  ns/a, ns/b, ns/c');
    expect(lines([step('workloads', many)], { verbose: true })).toEqual([
      'workloads-step  title of workloads',
      '  ~ ServiceAccount ns/a',
      '  ~ ServiceAccount ns/b',
      '  ~ ServiceAccount ns/c',
      '',
      'Plan: 0 to create, 3 to update, 0 to delete.',
    ]);
  });

  it.each([40, 80, 120])('fits %i columns and 24 lines with 1,000 namespaces and images', (width) => {
    const accounts = numbers(1000).map((index) =>
      change('update', 'ServiceAccount', `team-${index}/default`, {
        fields: [{ path: 'imagePullSecrets', from: [`own-${index}`], to: [`own-${index}`, 'puller'] }],
      }),
    );
    const kinds = numbers(30).map((index) =>
      change('update', `Kind${index}`, `name-${index}`, { fields: [{ path: 'spec.a' }, { path: 'spec.b' }] }),
    );
    const images = numbers(1000).map((index) =>
      change('create', 'image', `host-${index}.example.com/app:1`, { label: `host-${index}.example.com` }),
    );
    const text = lines([step('workloads', accounts), step('operator', kinds), step('images', images)], {
      width,
    });
    expect(text.length).toBeLessThan(24);
    expect(Math.max(...text.map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
    expect(text.join('\n')).toContain('1000 ServiceAccounts');
  });

  it('counts findings of one code after the second, and hides those that are OK', () => {
    const finding = (level: Finding['level']): Finding => ({
      level,
      code: 'drift',
      target: { kind: 'x', name: 'y' },
      what: 'it is so',
      why: 'because',
      hint: 'Fix it.',
    });
    const findings = [...numbers(5).map(() => finding('warning')), finding('ok')];
    const text = lines([step('images', [], { findings })]);
    expect(text.filter((line) => line.includes('it is so'))).toHaveLength(2);
    expect(text).toContain('      … 3 more [drift]');
  });

  it.each([80, 120])('fits 24 lines at %i columns with many findings whose fixes are long', (width) => {
    const codes = Object.keys(findingCodes) as FindingCode[];
    const findings = codes.slice(0, 10).flatMap((code) =>
      numbers(5).map((index): Finding => ({
        level: 'failed',
        code,
        target: { kind: 'x', name: `y${index}` },
        what: `Deployment shop/web-${index} pulls an image from somewhere that nodes do not reach at all`,
        why: 'nodes without internet access can pull from ECR only',
        hint: `Run \`kubectl patch deployment web-${index} --namespace shop --type merge --patch '{"spec":{"paused":true}}'\`. Then check the result, and run the same command again.`,
      })),
    );
    const images = numbers(9).map((index) => change('create', 'image', `i${index}`));
    for (const changes of [[], images.slice(0, 3), images]) {
      const text = lines([step('images', changes, { findings })], { width });
      expect(text.length).toBeLessThan(24);
      expect(Math.max(...text.map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
      for (const code of codes.slice(0, 10)) expect(text.join('\n')).toContain(`(and 4 more) [${code}]`);
      expect(text.at(-1)).toContain('(-v lists all)');
      expect(lines([step('images', changes, { findings })], { width, verbose: true }).length).toBeGreaterThan(
        100,
      );
    }
  });

  it('shows few changes by purpose if their fields and findings fill more than a terminal', () => {
    const fields = numbers(6).map((index) => ({ path: `spec.list${index}`, to: 'x'.repeat(150) }));
    const updates = ['Deployment', 'DaemonSet'].map((kind) => change('update', kind, 'a', { fields }));
    const text = lines([step('operator', updates)]);
    expect(text).toEqual([
      'Cluster',
      '  ~ Deployment a  spec.list0, spec.list1, spec.list2, spec.list3, 2 others',
      '  ~ DaemonSet a  spec.list0, spec.list1, spec.list2, spec.list3, 2 others',
      '',
      'Plan: 0 to create, 2 to update, 0 to delete. (-v lists all)',
    ]);
    expect(lines([step('operator', updates)], { verbose: true }).length).toBeGreaterThan(24);
  });

  it('shows beside the question what running pods lose', () => {
    const lost: Finding = {
      level: 'warning',
      code: 'image-access-lost',
      target: { kind: 'Pod', name: 'shop/api' },
      what: '6 pods lose access',
      why: 'no pull secret is left',
      hint: 'Give them another one.',
    };
    const pods = step('workloads', [], { findings: [lost] });
    const deletions = numbers(9).map((index) => change('delete', 'Role', `r${index}`));
    const text = lines([pods, step('operator', deletions)]);
    expect(text.slice(2)).toEqual([
      '',
      '! 6 pods lose access [image-access-lost]',
      '    why: no pull secret is left',
      '    fix: Give them another one.',
      'Plan: 0 to create, 0 to update, 9 to delete. (-v lists all)',
    ]);
    const short = lines([pods, step('operator', deletions.slice(0, 2))]);
    expect(short.slice(4)).toEqual([
      '! 6 pods lose access [image-access-lost]',
      '    why: no pull secret is left',
      '    fix: Give them another one.',
      'Plan: 0 to create, 0 to update, 2 to delete.',
    ]);
  });

  it('never shows a secret value', () => {
    const fields = [{ path: 'data.key', from: new Secret('hunter2-hunter2'), to: new Secret('swordfish-1') }];
    const text = lines([step('operator', [change('update', 'Secret', 'x/y', { fields })])]).join('\n');
    expect(text).toContain('data.key: (secret) -> (secret)');
    expect(text).not.toMatch(/hunter2|swordfish/);
  });

  it('says that there is nothing to change, and prints the digest in a dry run only', () => {
    const digest = 'sha256:0123';
    expect(lines([], { digest })).toEqual(['Nothing to change.']);
    expect(lines([], { digest, dryRun: true })).toEqual(['Nothing would change.', 'Digest: sha256:0123']);
  });
});

describe('the change of an IAM policy', () => {
  const policy = (fields: readonly Field[]): string[] =>
    lines([step('aws', [change('update', 'IAM policy', 'puller', { fields })], { topic: 'users' })]);

  it('shows what is added to a statement and removed from it, not two lists', () => {
    const text = policy([
      {
        path: 'document.PullFromProject.Action',
        statement: 'PullFromProject',
        from: ['ecr:BatchGetImage', 'ecr:PutImage'],
        to: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      },
      { path: 'document.PullFromProject.Resource', statement: 'PullFromProject', from: ['*'], to: ['arn:a'] },
    ]);
    expect(text.slice(2, 6)).toEqual([
      '      PullFromProject   - ecr:PutImage',
      '                        + ecr:GetDownloadUrlForLayer',
      '                        - Resource *',
      '                        + Resource arn:a',
    ]);
    expect(text.join('\n')).not.toContain('BatchGetImage');
  });

  it('shows a statement that is missing, and one that does not belong to the policy', () => {
    const allow = { Effect: ['Allow'], Action: ['s3:*'], Resource: ['*'] };
    const text = policy([
      { path: 'document.Evil', statement: 'Evil', from: allow },
      {
        path: 'document.ReadOwnKey',
        statement: 'ReadOwnKey',
        to: { ...allow, Condition: { Bool: { a: ['b'] } } },
      },
    ]);
    expect(text.slice(2, 4)).toEqual([
      '      Evil              - allow s3:* on *',
      '      ReadOwnKey        + allow s3:* on * if {"Bool":{"a":["b"]}}',
    ]);
  });
});
