import { mkdir, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { ECRClient } from '@aws-sdk/client-ecr';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import type { ClusterHands, KubeObject, Run, World } from '../scenarios/world.ts';
import { control } from './control.ts';
import { region, registry } from './names.ts';
import { state } from './paths.ts';
import { capture } from './process.ts';
import { startPod } from './scenarios/pods.ts';

/** Where the person at the laptop works. */
const folder = join(state, 'laptop/site');
const project = 'demo';

const inNamespace = (namespace: string | undefined) =>
  namespace === undefined ? [] : ['--namespace', namespace];
const kubectl = (args: readonly string[], input?: string) =>
  capture('kubectl', args, input === undefined ? {} : { input });

const cluster: ClusterHands = {
  async get<T extends KubeObject>(resource: string, name: string, namespace?: string) {
    const found = await kubectl([
      'get',
      resource,
      name,
      ...inNamespace(namespace),
      '--ignore-not-found',
      '-o',
      'json',
    ]);
    return found === '' ? undefined : (JSON.parse(found) as T);
  },
  async list<T extends KubeObject>(resource: string, namespace?: string) {
    const where = namespace === undefined ? ['--all-namespaces'] : inNamespace(namespace);
    const found = JSON.parse(await kubectl(['get', resource, ...where, '-o', 'json'])) as { items: T[] };
    return found.items;
  },
  async apply(...objects) {
    await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  },
  async patch(resource, name, namespace, operations) {
    const patch = ['--type=json', `--patch=${JSON.stringify(operations)}`];
    await kubectl(['patch', resource, name, ...inNamespace(namespace), ...patch]);
  },
  async remove(resource, name, namespace) {
    await kubectl(['delete', resource, name, ...inNamespace(namespace), '--ignore-not-found', '--wait']);
  },
};

async function run(...args: readonly string[]): Promise<Run> {
  const child = spawn('ecr-bootstrap', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
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
  run,
  async configure(settings) {
    await mkdir(folder, { recursive: true });
    // YAML includes JSON.
    const config = JSON.stringify({ project, aws: { region }, ...settings }, null, 2);
    await writeFile(join(folder, 'ecr-bootstrap.yaml'), config);
  },
  startPod,
  async setTokenLife(seconds) {
    await control('aws', 'POST', '/token-life', seconds);
  },
  pass: (seconds) => sleep(seconds * 1000),
};
