import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ECRClient } from '@aws-sdk/client-ecr';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { waitFor } from '../scenarios/wait.ts';
import type { AwsRequest, World } from '../scenarios/world.ts';
import { control } from './control.ts';
import { cluster } from './kubectl.ts';
import { region, registry } from './names.ts';
import { state } from './paths.ts';
import { capture } from './process.ts';
import { startPod } from './pods.ts';
import { startProduct, transcript, workplace } from './product.ts';
import { allSecrets } from './secrets.ts';
import { copyByHand, look } from './skopeo.ts';
import { leaveOperatorAlone } from './start-over.ts';

const project = 'demo';

const ctr = (...args: string[]) => capture('ctr', ['--namespace=k8s.io', ...args]);

/** How often AWS was asked for this so far. */
const timesAsked = (request: AwsRequest) => control('aws', 'POST', '/count', request) as Promise<number>;

/** The running lab, for scenarios that run inside it. */
export const labWorld: World = {
  name: 'lab',
  registry,
  project,
  cluster,
  aws: { ecr: new ECRClient(), iam: new IAMClient(), secrets: new SecretsManagerClient() },
  run: (...args) => startProduct(args).ended,
  runAs: ({ accessKeyId, secretAccessKey }, ...args) =>
    startProduct(args, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }).ended,
  async runAndKill(after, ...args) {
    const { ended, kill } = startProduct(args);
    const timer = setTimeout(kill, after);
    await ended;
    clearTimeout(timer);
  },
  async runAndKillAt(request, ...args) {
    const before = await timesAsked(request);
    await control('aws', 'POST', '/faults', { kind: 'timeout', ...request });
    const { ended, kill } = startProduct(args);
    try {
      await waitFor(request.operation, async () => (await timesAsked(request)) > before || undefined);
      // What it sent at the same time gets through.
      await sleep(1000);
    } finally {
      kill();
      await ended;
      await control('aws', 'DELETE', '/faults');
    }
  },
  async configure(settings) {
    await mkdir(workplace, { recursive: true });
    // YAML includes JSON.
    const config = JSON.stringify({ project, aws: { region }, ...settings }, null, 2);
    await writeFile(join(workplace, 'ecr-bootstrap.yaml'), config);
  },
  startPod,
  look,
  copyByHand,
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
  async startOver({ keepOperator = false } = {}) {
    if (keepOperator) await leaveOperatorAlone();
    else {
      const { code, stdout, stderr } = await startProduct(['down', '--yes']).ended;
      if (code !== 0) throw new Error(`down failed:\n${stderr}${stdout}`);
    }
    await control('aws', 'POST', '/start-over');
  },
  account: () => control('aws', 'GET', '/account') as Promise<string[]>,
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
  printed: () => readFile(transcript, 'utf8'),
  secrets: allSecrets,
  async serveAdmissionPolicies(yes) {
    // They exist since 1.32, off until 1.36.
    const args = yes ? [] : ['--emulated-version=1.33'];
    await control('machine', 'POST', '/restart', { name: 'kube-apiserver', args });
  },
  pass: (seconds) => sleep(seconds * 1000),
};
