import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clockDifference, principalOf } from '../../../src/run/doctor/aws.ts';
import { programVersion } from '../../../src/run/doctor/computer.ts';
import { checks } from '../../../src/run/doctor/index.ts';
import { runtimeVersions } from '../../../src/nodes/runtime-advice.ts';
import { type Cli, type Document, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

let cli: Cli;
beforeEach(async () => void (cli = await openCli({}, { fast: true })));
afterEach(() => cli.close());

interface Report {
  readonly ready: boolean;
  readonly checks: readonly {
    readonly check: string;
    readonly findings: readonly { readonly level: string; readonly code: string; readonly hint: string }[];
  }[];
}

const reportIn = (document: Document): Report => document['doctor'] as Report;

/** The levels and codes of a check. */
const resultOf = (document: Document, check: string): string[] =>
  (reportIn(document).checks.find((each) => each.check === check)?.findings ?? []).map(
    ({ level, code }) => `${level} ${code}`,
  );

describe('doctor', () => {
  it('has a line for every check and changes nothing', async () => {
    const { code, stdout, stderr } = await cli.run('doctor');
    expect(code, stdout + stderr).toBe(0);
    for (const { title } of checks) expect(stdout).toMatch(new RegExp(`^[✓!] ${title} `, 'm'));
    expect(stdout).toMatch(/^Ready for up.* \(14 checks\)\.$/m);
    expect(
      cli.world.faults.changes.filter(({ operation }) => !/(access|rules)reviews$/.test(operation)),
    ).toEqual([]);
  });

  it('names the configuration file, if there is one', async () => {
    expect((await cli.run('doctor')).stdout).toMatch(/^✓ Configuration +no file, project shop$/m);
    writeFileSync(join(cli.folder, 'named.yaml'), 'project: other\n');
    const env = { ECR_BOOTSTRAP_PROJECT: undefined };
    const { stdout } = await cli.run('doctor -c named.yaml', { env });
    expect(stdout).toMatch(/^✓ Configuration +\S*named\.yaml, project other$/m);
  });

  it('needs the Docker engine only if the configuration chooses it', async () => {
    const env = { DOCKER_HOST: 'tcp://127.0.0.1:1' };
    const { document } = await cli.json('doctor', { env: { ...env, ECR_BOOTSTRAP_ENGINE: 'docker' } });
    expect(resultOf(document, 'docker')).toEqual(['failed docker-unreachable']);
    expect(resultOf((await cli.json('doctor', { env })).document, 'docker')).toEqual(['ok ok']);
  });

  it('does not look for images at their sources that ECR already has', async () => {
    expect((await cli.run('up --yes')).code).toBe(0);
    const { stdout } = await cli.run('doctor');
    expect(stdout).toMatch(/^✓ Source images +ECR has every image$/m);
  });

  it('exits 3 with the failure first and a fix when the cluster is missing, and still checks AWS', async () => {
    const { code, stdout } = await cli.run('doctor --kubeconfig /nowhere');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^✗ Cluster +could not find|^✗ Cluster +could not read/);
    expect(stdout).toContain('[cluster-unconfigured]');
    expect(stdout).toMatch(/^ +fix: /m);
    expect(stdout).toMatch(/^✓ AWS caller +arn:aws:iam:/m);
    expect(stdout).toMatch(/^up would fail: 1 problem, 4 not checked/m);
  });

  it('reports every mistake of the configuration, and does not use a wrong region', async () => {
    const { code, document } = await cli.json('doctor --region nowhere');
    expect(code).toBe(3);
    expect(reportIn(document).ready).toBe(false);
    expect(resultOf(document, 'configuration')).toEqual(['failed config-invalid']);
    expect(resultOf(document, 'aws-caller')).toEqual(['unknown not-checked']);
    const services = new Set(cli.world.faults.calls.map(({ service }) => service));
    expect(services).toEqual(new Set(['kubernetes', 'web']));
    expect(resultOf(document, 'cluster')).toEqual(['ok ok']);
  });

  it('also reports when the configuration file cannot be read', async () => {
    const { code, document } = await cli.json('doctor -c missing.yaml');
    expect(code).toBe(3);
    expect(resultOf(document, 'configuration')).toEqual(['failed file-missing']);
    expect(resultOf(document, 'program')).toEqual(['ok ok']);
  });

  it('names the actions that a simulation denies', async () => {
    const { identities } = cli.world.aws;
    const denied = { Effect: 'Deny', Action: ['iam:CreateUser'], Resource: '*' };
    const all = { Effect: 'Allow', Action: '*', Resource: '*' };
    identities.limits.set('service control policy', JSON.stringify({ Statement: [all, denied] }));
    const { code, stdout } = await cli.run('doctor');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^✗ AWS permissions +the AWS caller may not iam:CreateUser: /m);
    expect(stdout).toContain('ecr-bootstrap policy first-run');
  });

  it('says what up will try when the caller may not simulate policies', async () => {
    cli.world.faults.plan({ kind: 'deny', operation: 'SimulatePrincipalPolicy' });
    const { code, stdout } = await cli.run('doctor');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✓ AWS permissions +could not be simulated/m);
  });

  it('names what AWS denied, at endpoints that are reachable, if nothing can be simulated', async () => {
    for (const operation of ['SimulatePrincipalPolicy', 'GetAuthorizationToken', 'GetUser'])
      cli.world.faults.plan({ kind: 'deny', operation });
    const { code, stdout } = await cli.run('doctor');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^✓ AWS endpoints +reachable: STS, ECR, the ECR registry, IAM, Secrets Manager$/m);
    expect(stdout).toMatch(
      /^✗ AWS permissions +could not get a token for ECR; could not read IAM user image-puller: AWS denies .*\[aws-permissions-missing\]$/m,
    );
    expect(stdout).toContain(
      'fix: Ask an administrator to attach the output of: ecr-bootstrap policy first-run',
    );
  });

  it('fits 24 lines of 80 columns when neither AWS nor the cluster can be used', async () => {
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    const { code, stdout } = await cli.run('doctor --kubeconfig /nowhere', { env, columns: 80 });
    expect(code).toBe(3);
    expect(stdout.split('\n').length).toBeLessThanOrEqual(24);
    expect(stdout.match(/^\? Not checked /gm)).toHaveLength(2);
    for (const { title } of checks) expect(stdout).toContain(title);
  });

  it('finishes the other checks when one fails', async () => {
    cli.world.faults.plan({ kind: 'deny', operation: 'list nodes' });
    const { code, document } = await cli.json('doctor');
    expect(code).toBe(3);
    expect(resultOf(document, 'node-runtimes')).toEqual(['failed cluster-denied']);
    for (const check of ['aws-permissions', 'cluster', 'operator-release', 'docker'])
      expect(resultOf(document, check)).toEqual(['ok ok']);
  });
});

it('doctor warns when the cluster serves no admission policies, and up would still work', async () => {
  const older = await openCli(
    { cluster: { version: 'v1.29.4', admissionPolicies: undefined } },
    { fast: true },
  );
  try {
    const { code, stdout } = await older.run('doctor');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^! Kubernetes +new service accounts do not get the pull secret by themselves: .*\[policy-unavailable\]\n +fix: Upgrade Kubernetes, or run `ecr-bootstrap up --only service-accounts`/m,
    );
    expect(stdout).toMatch(
      /^✓ Kubernetes +serves no ValidatingAdmissionPolicy, so kubectl does not warn about images that ECR does not have$/m,
    );
    expect(stdout).toMatch(/^Ready for up: \d warnings/m);
    expect(resultOf((await older.json('doctor')).document, 'kubernetes-features')).toEqual([
      'warning policy-unavailable',
      'ok image-warnings-unavailable',
    ]);
    const { findings } = await statusOf(older, 'image-warnings');
    expect(findings.map(({ code: found }) => found)).toEqual(['image-warnings-unavailable']);
  } finally {
    await older.close();
  }
});

describe('the facts that doctor compares', () => {
  it('reports a clock that differs by more than a minute, in both directions', () => {
    const at = Date.parse('2026-11-29T04:00:00Z');
    const date = new Date(at).toUTCString();
    expect(clockDifference(date, at + 59_000).level).toBe('ok');
    expect(clockDifference(date, at + 61_000)).toMatchObject({ level: 'warning', code: 'clock-wrong' });
    expect(clockDifference(date, at + 61_000).what).toContain('61 s ahead of AWS');
    expect(clockDifference(date, at - 120_000).what).toContain('120 s behind AWS');
    expect(clockDifference(undefined, at).level).toBe('ok');
  });

  it('refuses versions of Node.js that are older than 20.19', () => {
    expect(['18.20.1', '20.18.9'].map((version) => programVersion(version).code)).toEqual([
      'node-unsupported',
      'node-unsupported',
    ]);
    expect(['20.19.0', '22.1.0', '24.4.1'].map((version) => programVersion(version).level)).toEqual(
      Array(3).fill('ok'),
    );
  });

  it('simulates users and the roles of sessions, but not the root user', () => {
    expect(principalOf('arn:aws:iam::123456789012:user/team/jane')).toBe(
      'arn:aws:iam::123456789012:user/team/jane',
    );
    expect(principalOf('arn:aws-cn:sts::123456789012:assumed-role/ci/session')).toBe(
      'arn:aws-cn:iam::123456789012:role/ci',
    );
    expect(principalOf('arn:aws:iam::123456789012:root')).toBeUndefined();
    expect(principalOf('arn:aws:sts::123456789012:federated-user/jane')).toBeUndefined();
  });

  it('says which container runtimes need a setting, and which cannot use the mirrors', () => {
    const nodes = [
      'containerd://1.6.30',
      'containerd://1.7.27',
      'containerd://2.2.0',
      'cri-o://1.29.1',
      'cri-o://1.33.0',
      'docker://27.0.3',
    ];
    const versions = runtimeVersions(
      nodes.map((containerRuntimeVersion, index) => ({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: `node-${index}` },
        status: { nodeInfo: { containerRuntimeVersion, operatingSystem: 'linux' } },
      })),
    );
    const supportOf = (version: string) => versions.find((each) => each.version === version);
    expect(supportOf('containerd://1.6.30')).toMatchObject({ isSupported: false, nodes: ['node-0'] });
    expect(supportOf('containerd://1.7.27')).toMatchObject({ isSupported: true, needs: 'config_path' });
    expect(supportOf('containerd://2.2.0')).not.toHaveProperty('needs');
    expect(supportOf('cri-o://1.33.0')).toMatchObject({ isSupported: true, needs: 'one restart' });
    expect(supportOf('cri-o://1.29.1')).toMatchObject({ isSupported: false });
    expect(supportOf('docker://27.0.3')).toMatchObject({ isSupported: false });
  });
});
