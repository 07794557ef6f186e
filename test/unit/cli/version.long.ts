import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ownVersion } from '../../../src/core/paths.ts';
import { recordsIn, recordTag } from '../../../src/access-key/registration/records.ts';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: a whole `up` runs before the first test. */
const slow = { timeout: 120_000 };

const [major = 0, minor = 0] = ownVersion().split('.').map(Number);
const own = `${major}.${minor}`;

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  expect((await cli.run('up --yes -q')).code).toBe(0);
}, slow.timeout);
afterAll(() => cli.close());
beforeEach(() => writeVersion(own));

const tags = (): Map<string, string> => {
  const secret = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID');
  if (!secret) throw new Error('no secret');
  return secret.tags;
};
const record = () => {
  const [found] = recordsIn(Object.fromEntries(tags()));
  if (!found) throw new Error('no registration');
  return found;
};

/** Writes the registration of this cluster as that version does; version 0.1 wrote none. */
function writeVersion(version: string | undefined): void {
  for (const [key, value] of tags()) {
    if (!key.startsWith('ecr-bootstrap:cluster/')) continue;
    tags().set(key, [...value.split(' ').slice(0, 3), ...(version === undefined ? [] : [version])].join(' '));
  }
}

describe('a version that is older than the one that configured a cluster', () => {
  it.each([
    ['up --yes', `${major}.${minor + 1}`],
    ['up --yes', `${major + 1}.0`],
    ['up --yes --only repositories', `${major}.${minor + 10}`],
    ['up --yes --only service-accounts', `${major}.${minor + 1}`],
    ['rotate --yes', `${major}.${minor + 1}`],
    ['rotate --yes --force', `${major}.${minor + 1}`],
    ['down --yes', `${major}.${minor + 1}`],
    ['down --yes --aws', `${major}.${minor + 1}`],
  ])('changes nothing by %s, and names version %s to install', async (line, version) => {
    writeVersion(version);
    const before = new Map(tags());
    const { code, document } = await cli.json(line);
    expect(code).toBe(2);
    expect(document.error).toMatchObject({
      code: 'version-older',
      hint: expect.stringContaining(`npm install --global ecr-bootstrap@${version}`) as string,
    });
    expect(tags()).toEqual(before);
  });

  it('does not change the project from another cluster or AWS, but may change its own cluster', async () => {
    const other = { id: 'other', keyId: 'AKIA', name: 'prod', version: `${major}.${minor + 1}` };
    for (const [key, value] of Object.entries(recordTag(other, 0))) tags().set(key, value);
    try {
      expect((await cli.json('up --yes --only repositories')).document.error?.code).toBe('version-older');
      expect((await cli.run('up --yes --only service-accounts')).code).toBe(0);
    } finally {
      tags().delete('ecr-bootstrap:cluster/other');
    }
  });

  it('still works for commands that only read, with a warning', async () => {
    writeVersion(`${major}.${minor + 1}`);
    const plan = await cli.run('up --dry-run');
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stderr).toContain(`version ${major}.${minor + 1} configured the project`);
    const { code, document } = await cli.json('status --only registration');
    expect(code).toBe(0);
    expect(JSON.stringify(document)).toContain('"code":"version-older"');
    expect((await cli.run('status --only registration --fail-on warning')).code).toBe(3);
    expect((await cli.run('images')).code).toBe(0);
    expect((await cli.run('render registration')).code).toBe(0);
  });
});

describe('a version that is newer than the one that configured the cluster', () => {
  it('writes its version into the registration once', slow, async () => {
    writeVersion('0.0');
    const plan = await cli.run('up --dry-run --exit-code');
    expect(plan.code).toBe(3);
    expect(plan.stdout).toContain(`version: 0.0 -> ${own}`);
    const { keyId } = record();
    expect((await cli.run('up --yes')).code).toBe(0);
    expect(record()).toMatchObject({ version: own, keyId });
    expect((await cli.run('up --dry-run --exit-code')).code).toBe(0);
  });

  it('leaves the version to up when it rotates the key', slow, async () => {
    writeVersion('0.0');
    expect((await cli.run('rotate --yes')).code).toBe(0);
    expect(record().version).toBe('0.0');
  });
});

describe('the version in a registration', () => {
  it('is 0.1 if none was written', () => {
    for (const version of [undefined, '']) {
      writeVersion(version);
      expect(record().version).toBe('0.1');
    }
  });

  it('is shown as written and replaced if it is not a valid version', slow, async () => {
    for (const version of ['latest', '1.x', 'v9']) {
      writeVersion(version);
      const { code, stdout } = await cli.run('up --dry-run --only registration');
      expect(code).toBe(0);
      expect(stdout).toContain(`version: ${version} -> ${own}`);
    }
  });

  it('is read from a full version too, so that the guard does not fail open', () => {
    for (const version of ['9.8', '9.8.7', '9.8.7-rc.1', '9.8+build']) {
      writeVersion(version);
      expect(record().version).toBe('9.8');
    }
  });

  it('fits into a tag together with the longest name', () => {
    const name = 'arn:aws:eks:eu-west-1:123456789012:cluster/'.padEnd(300, 'x');
    const written = recordTag({ id: 'uid', keyId: 'AKIAIOSFODNN7EXAMPLE', name, version: '100.100' }, 0);
    const [value = ''] = Object.values(written);
    expect(value.length).toBeLessThanOrEqual(256);
    expect(value).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u);
    expect(recordsIn(written)).toMatchObject([{ keyId: 'AKIAIOSFODNN7EXAMPLE', version: '100.100' }]);
  });
});
