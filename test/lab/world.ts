import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { ECRClient } from '@aws-sdk/client-ecr';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import type { Run, World } from '../scenarios/world.ts';
import { control } from './control.ts';
import { cluster } from './kubectl.ts';
import { region, registry } from './names.ts';
import { state } from './paths.ts';
import { capture } from './process.ts';
import { startPod } from './pods.ts';
import { look } from './skopeo.ts';

/** Where the person at the laptop works. */
const folder = join(state, 'laptop/site');
const project = 'demo';

const ctr = (...args: string[]) => capture('ctr', ['--namespace=k8s.io', ...args]);

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const child = spawn('ecr-bootstrap', args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code: code ?? 1, stdout, stderr };
}

/** The running lab, for scenarios that run inside it. */
export const labWorld: World = {
  name: 'lab',
  registry,
  project,
  cluster,
  aws: { ecr: new ECRClient(), iam: new IAMClient(), secrets: new SecretsManagerClient() },
  run: (...args) => run(args),
  runAs: ({ accessKeyId, secretAccessKey }, ...args) =>
    run(args, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }),
  async runAndKill(after, ...args) {
    const child = spawn('ecr-bootstrap', args, {
      cwd: folder,
      stdio: 'ignore',
      timeout: after,
      killSignal: 'SIGKILL',
    });
    await once(child, 'exit');
  },
  async configure(settings) {
    await mkdir(folder, { recursive: true });
    // YAML includes JSON.
    const config = JSON.stringify({ project, aws: { region }, ...settings }, null, 2);
    await writeFile(join(folder, 'ecr-bootstrap.yaml'), config);
  },
  startPod,
  look,
  async setTokenLife(seconds) {
    await control('aws', 'POST', '/token-life', seconds);
  },
  async breakAws() {
    for (const service of ['ecr', 'iam', 'secretsmanager', 'sts', 'registry', 'storage']) {
      await control('aws', 'POST', '/faults', { kind: 'error', service });
    }
    return async () => {
      await control('aws', 'DELETE', '/faults');
    };
  },
  async emptyImageStore() {
    const images = (await ctr('images', 'list', '--quiet')).split('\n');
    const others = images.filter(
      (image) => image !== '' && !image.includes('pause') && !image.startsWith('sha256:'),
    );
    await ctr('images', 'remove', '--sync', ...others);
  },
  async namesAsked() {
    const lines = (await readFile(join(state, 'logs/dns.jsonl'), 'utf8')).trimEnd().split('\n');
    const questions = lines.map((line) => JSON.parse(line) as { view: string; name: string });
    return questions.filter(({ view }) => view === 'vpc').map(({ name }) => name);
  },
  async serveAdmissionPolicies(yes) {
    // They exist since 1.32, off until 1.36.
    const args = yes ? [] : ['--emulated-version=1.33'];
    await control('machine', 'POST', '/restart', { name: 'kube-apiserver', args });
  },
  pass: (seconds) => sleep(seconds * 1000),
};
