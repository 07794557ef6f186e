import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { operatorManifest } from '../../../sandbox/world.ts';
import { type Cli, openCli } from '../../support/cli.ts';

const connected = 'power-user,image-puller,repositories,operator-image,image-puller-key';

let cli: Cli;
const undo: (() => void)[] = [];
beforeAll(async () => void (cli = await openCli({}, { fast: true })));
afterAll(() => cli.close());
afterEach(() => undo.splice(0).forEach((back) => back()));

const injectFault = (fault: Parameters<Cli['world']['faults']['plan']>[0]) =>
  undo.push(cli.world.faults.plan(fault));
const configure = (images: string): string => {
  const { account, region } = cli.world;
  writeFileSync(
    join(cli.folder, 'site.yaml'),
    `project: shop\naws: {region: ${region}, accountId: "${account}"}\nimages: ${images}\n`,
  );
  return 'site.yaml';
};

/** A kubeconfig for another API server or another user. */
function kubeconfig(url: string, user?: string): { KUBECONFIG: string } {
  const KUBECONFIG = join(cli.folder, 'another-kubeconfig');
  writeFileSync(KUBECONFIG, cli.world.cluster.kubeconfig(url, cli.world.caPem, user), { mode: 0o600 });
  return { KUBECONFIG };
}

describe('a run that cannot do everything', () => {
  it('names the denied action, the completed changes, and the policy to give to an administrator', async () => {
    injectFault({ kind: 'deny', service: 'iam', operation: 'CreatePolicy' });
    const { code, stdout, stderr } = await cli.run('up --yes -v --only power-user');
    expect(code).toBe(1);
    expect(stderr).toContain('created IAM user power-user');
    expect(stdout).toMatch(/^Not complete after \S+: 1 created, 1 failed, \d skipped\.$/m);
    expect(stdout).toMatch(
      /✗ .*power-user[\s\S]*iam:CreatePolicy[\s\S]*fix: .*ecr-bootstrap policy first-run/,
    );
    expect(stderr).toContain('error: IAM policy ecr-bootstrap-power-user failed; everything else is done');
  });

  it('resumes once the action is allowed', async () => {
    const { code, stdout } = await cli.run('up --yes --only power-user');
    expect(code).toBe(0);
    expect(stdout).not.toContain('+ IAM user power-user');
  });

  it('names the earlier steps that were skipped', async () => {
    const { code, stderr } = await cli.run('up --yes --only operator');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /These earlier steps were skipped, and may be needed: .*pull-secret-bootstrap, operator-crds\./,
    );
  });

  it('stops when the credentials expire during the run, and says how to resume', async () => {
    const { identities } = cli.world.aws;
    const admin = identities.users.get('admin');
    if (!admin) throw new Error('the sandbox has an administrator');
    const session = identities.addSession(admin, 3_600_000);
    const stop = cli.world.faults.onCall(({ operation }) => {
      if (operation === 'CreateRepository') identities.keys.set(session.id, { ...session, expires: 1 });
    });
    const env = {
      AWS_ACCESS_KEY_ID: session.id,
      AWS_SECRET_ACCESS_KEY: session.secret,
      AWS_SESSION_TOKEN: session.sessionToken,
    };
    const { code, document } = await cli.json('up --yes --only repositories', { env });
    stop();
    expect(code).toBe(1);
    expect(document.error).toMatchObject({
      code: 'credentials-expired',
      hint: expect.stringContaining('aws sso login') as string,
    });
  });

  it('creates no repository for an image that its source does not have', async () => {
    const { code, document } = await cli.json('mirror nosuch:1');
    expect({ code, error: document.error?.code }).toEqual({ code: 1, error: 'mirror-incomplete' });
    expect([...cli.world.aws.registry.repositories.keys()]).not.toContain('shop/docker.io/library/nosuch');
  });

  it('mirrors the other images, and names the missing image at the end', async () => {
    const file = configure('{list: [nginx:gone]}');
    const { code, stdout, stderr } = await cli.run(`up --yes -c ${file} --only repositories,images`);
    expect(code).toBe(1);
    expect(stdout).toContain('✗ could not look up docker.io/library/nginx:gone: docker.io has no such image');
    expect(stdout).toMatch(/^Not complete after \S+: \d\d created, 1 skipped\.$/m);
    expect(stderr).toContain('error: 1 image not found; everything else is done');
    expect(stderr).not.toMatch(/has no such image|Fix or remove/);
  });

  it('lists the failed images in the JSON document, each with its fix', async () => {
    const file = configure('{list: [nginx:gone, nginx:lost]}');
    const { code, document } = await cli.json(`up --yes -c ${file} --only repositories,images`);
    expect({ code, error: document.error?.code }).toEqual({ code: 1, error: 'mirror-incomplete' });
    expect(document.error?.what).toBe('2 images not found; everything else is done');
    const { steps } = document['result'] as { steps: { step: string; failures: unknown[] }[] };
    expect(steps.find(({ step }) => step === 'images')?.failures).toEqual(
      ['gone', 'lost'].map((tag) => ({
        target: { kind: 'image', name: `docker.io/library/nginx:${tag}` },
        error: expect.objectContaining({
          code: 'image-missing',
          hint: expect.any(String) as string,
        }) as unknown,
      })),
    );
  });

  it('lists the platforms of an image that lacks the requested one', async () => {
    const { code, document } = await cli.json('mirror nginx:1.27 --platform linux/s390x');
    expect(code).toBe(1);
    expect(document.error?.why).toBe(
      'the source has no image for linux/s390x, only for linux/amd64, linux/arm64',
    );
  });

  it('ends at --timeout with a specific error', async () => {
    injectFault({ kind: 'timeout', service: 'sts' });
    const { code, document } = await cli.json('status --timeout 1s');
    expect(code).toBe(1);
    expect(document.error).toMatchObject({ code: 'timeout' });
  });

  it('ends at Ctrl-C while it only reads', async () => {
    injectFault({ kind: 'timeout', service: 'sts' });
    const interrupt = new AbortController();
    const stop = cli.world.faults.onCall(() => interrupt.abort());
    const { code } = await cli.run('images', { signal: interrupt.signal });
    stop();
    expect(code).not.toBe(0);
  });
});

describe('a list of images', () => {
  it('is reported when it is empty, and nothing is mirrored', async () => {
    writeFileSync(join(cli.folder, 'empty.txt'), '# nothing yet\n');
    const { code, stderr } = await cli.run('mirror -f empty.txt');
    expect(code).toBe(0);
    expect(stderr).toContain('empty.txt lists no images; nothing to mirror.');
  });

  it('is read from standard input, and its failed images are written for the next run', async () => {
    const { code, stdout } = await cli.run('mirror -q -f - --failed-to left.txt', {
      stdin: '\ufeffnginx:1.27\r\nnginx:gone # soon\r\n',
    });
    expect(code).toBe(1);
    expect(stdout).toBe(`${cli.world.registryHost}/shop/docker.io/library/nginx:1.27\n`);
    const { document } = await cli.json('mirror -f left.txt');
    expect(document['mirror']).toMatchObject({
      images: [{ source: 'docker.io/library/nginx:gone' }],
    });
  });
});

describe('a cluster that becomes unreachable during a run', () => {
  it('ends the run instead of counting as a cluster without workloads', async () => {
    injectFault({ kind: 'reset', service: 'kubernetes', operation: 'list cronjobs' });
    const { code, stderr } = await cli.run('up --yes --only repositories,service-accounts');
    expect(code).toBe(2);
    expect(stderr).toContain('error: could not reach the Kubernetes API');
  });
});

describe('a cluster that is reachable but does not list its workloads', () => {
  it('fails the images command, whose list would be incomplete', async () => {
    injectFault({ kind: 'error', service: 'kubernetes', operation: 'list cronjobs' });
    const { code, document } = await cli.json('images --platform linux/amd64');
    expect(code).not.toBe(0);
    expect(document.error).toMatchObject({ code: 'cluster-failed', what: 'could not list cronjobs' });
  });

  it('makes the images command warn that it may not list them', async () => {
    injectFault({ kind: 'deny', service: 'kubernetes', operation: 'list cronjobs' });
    const { code, stderr } = await cli.run('images --platform linux/amd64');
    expect(code).toBe(0);
    expect(stderr).toMatch(/! .*cronjobs/i);
  });

  it('fails the images command when it rejects the credentials', async () => {
    const env = kubeconfig('https://cluster.sandbox:6443', 'former');
    cli.world.cluster.revokeTokens('former');
    const { document } = await cli.json('images --platform linux/amd64', { env });
    expect(document.error?.why).toContain('rejected the credentials of context former@sandbox');
  });
});

describe('an unreachable cluster', () => {
  it('is skipped when --platform is given, as the hint says', async () => {
    const env = kubeconfig('https://elsewhere.sandbox:6443');
    const { document } = await cli.json('images', { env });
    expect(document.error?.hint).toMatch(
      /pass --platform .* images that only its workloads reference are then skipped/,
    );
    expect((await cli.json('images --platform linux/amd64', { env })).document.ok).toBe(true);
  });
});

describe('a setup that is split between two sites', () => {
  it(
    'needs no cluster on the connected side, no internet on the other side, and is complete afterwards',
    { timeout: 120_000 },
    async () => {
      const { stdout: wanted } = await cli.run('images -q');
      writeFileSync(join(cli.folder, 'images.txt'), wanted);
      for (const line of [`up --yes --only ${connected}`, 'mirror --from-file images.txt']) {
        const first = await cli.run(line, { env: { KUBECONFIG: undefined } });
        expect(first.code, first.stderr).toBe(0);
      }
      const internet = [...cli.world.hosts.keys()].filter((host) =>
        /github|ghcr|docker|quay|k8s\.io/.test(host),
      );
      for (const host of internet) cli.world.hosts.delete(host);
      writeFileSync(join(cli.folder, 'external-secrets.yaml'), operatorManifest());
      const site = '--manifest external-secrets.yaml';
      const second = await cli.run(`up --yes --skip ${connected},images ${site}`);
      expect(second.code).toBe(0);
      const plan = await cli.run(`up --dry-run --exit-code ${site}`);
      expect(plan.code, plan.stdout).toBe(0);
      const { document } = await cli.json(
        `status ${site} --only operator,pull-secret-distribution,service-accounts`,
      );
      expect(document['status']).toMatchObject({ verdict: 'healthy' });
    },
  );

  it('finds the registry without AWS, from the annotation in the cluster', async () => {
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const { document } = await cli.json('status --only service-accounts', { env });
    expect(document['status']).toMatchObject({ verdict: 'healthy' });
  });

  it('shows how long the tokens in all namespaces are valid', async () => {
    const { stdout } = await cli.run('status --only pull-secret-distribution');
    expect(stdout).toMatch(/✓ Tokens +7 valid, the shortest for 1[01] h \d+ min/);
  });

  it('says how to provide the manifest when GitHub is unreachable', async () => {
    rmSync(join(cli.folder, 'cache'), { recursive: true, force: true });
    const { code, document } = await cli.json('up --yes --only operator');
    expect(code).toBe(2);
    expect(document.error?.hint).toContain('pass the file with --manifest or set externalSecrets.manifest');
  });
});

describe('status --wait', () => {
  it('succeeds once a cluster that was down at the start is reachable again', async () => {
    // All attempts of the first check.
    injectFault({ kind: 'reset', service: 'kubernetes', to: 5 });
    const { code, stdout } = await cli.run('status --wait --only pull-secret-distribution', {
      signal: AbortSignal.timeout(15_000),
    });
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('✓ Tokens') as string,
    });
  });
});
