import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ECRClient } from '@aws-sdk/client-ecr';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { startPod } from '../scenarios/pods.ts';
import { waitFor } from '../scenarios/wait.ts';
import type { AwsRequest, NodeRequest, World } from '../scenarios/world.ts';
import { control } from './control.ts';
import { kubectlClient, kubectlAt } from './kubectl.ts';
import { addresses, clusters, joiningMachine, region, registry } from './names.ts';
import type { ClusterNames } from './names.ts';
import { labNode } from './lab-node.ts';
import { lacking } from './lacking.ts';
import { containerdSocket, kubeconfigOf, requestLog, state } from './paths.ts';
import { capture } from './process.ts';
import { startProduct, transcript, workingFolder } from './product.ts';
import { allSecrets } from './secrets.ts';
import { copyImage, readDigests } from './skopeo.ts';
import { removeAllButOperator } from './reset-cluster.ts';

const project = 'demo';

/** The number of such requests to AWS so far. */
const requestCount = (request: AwsRequest) => control('aws', 'POST', '/count', request) as Promise<number>;

/** Hides the credentials and the kubeconfig of the user at the laptop. */
const outside = {
  KUBECONFIG: '/nonexistent/kubeconfig',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_CONFIG_FILE: '/nonexistent/config',
};

async function writeToWorkingFolder(name: string, text: string): Promise<void> {
  await mkdir(workingFolder, { recursive: true });
  await writeFile(join(workingFolder, name), text);
}

/** The running lab with one of its clusters, for scenarios that run inside it. */
export function labWorld(names: ClusterNames = clusters.first): World {
  const kubectl = kubectlAt(names);
  const cluster = kubectlClient(kubectl);
  const ctr = (...args: string[]) =>
    capture('ctr', [`--address=${containerdSocket(names)}`, '--namespace=k8s.io', ...args]);
  const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    startProduct(args, { KUBECONFIG: kubeconfigOf(names, 'admin'), ...env });

  return {
    name: 'lab',
    registry,
    project,
    cluster,
    nodes: [labNode(names, cluster)],
    aws: { ecr: new ECRClient(), iam: new IAMClient(), secrets: new SecretsManagerClient() },
    awsAs(credentials) {
      const config = { region, credentials };
      return {
        ecr: new ECRClient(config),
        iam: new IAMClient(config),
        secrets: new SecretsManagerClient(config),
      };
    },
    async sendRequest(method, url, headers, body = '') {
      const sent = { method, headers, redirect: 'manual' } as const;
      return (await fetch(url, body === '' ? sent : { ...sent, body })).status;
    },
    run: (...args) => start(args).ended,
    runAs: ({ accessKeyId, secretAccessKey }, ...args) =>
      start(args, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }).ended,
    runOutside: (...args) => start(args, outside).ended,
    async runAndKill(afterMs, ...args) {
      const { ended, kill } = start(args);
      const timer = setTimeout(kill, afterMs);
      await ended;
      clearTimeout(timer);
    },
    async runAndKillAt(request, ...args) {
      const before = await requestCount(request);
      await control('aws', 'POST', '/faults', { kind: 'timeout', ...request });
      const { ended, kill } = start(args);
      try {
        await waitFor(request.operation, async () => (await requestCount(request)) > before || undefined);
        // Requests that it sent at the same time still succeed.
        await sleep(1000);
      } finally {
        kill();
        await ended;
        await control('aws', 'DELETE', '/faults');
      }
    },
    async configure(settings) {
      const operator = lacking.includes('install the operator')
        ? { externalSecrets: { install: false } }
        : {};
      // JSON is valid YAML.
      const config = JSON.stringify({ project, aws: { region }, ...operator, ...settings }, null, 2);
      await writeToWorkingFolder('ecr-bootstrap.yaml', config);
    },
    writeFile: writeToWorkingFolder,
    startPod: (...args) => startPod(cluster, ...args),
    readDigests,
    copyImage,
    async setTokenLifetime(seconds) {
      await control('aws', 'POST', '/token-lifetime', seconds);
    },
    async breakAws() {
      for (const service of ['ecr', 'iam', 'secretsmanager', 'sts', 'registry', 'storage']) {
        await control('aws', 'POST', '/faults', { kind: 'error', service });
      }
      return async () => {
        await control('aws', 'DELETE', '/faults');
      };
    },
    async breakInternet() {
      await control('machine', 'POST', '/internet', false);
      return async () => {
        await control('machine', 'POST', '/internet', true);
      };
    },
    async reset({ keepOperator = false } = {}) {
      if (keepOperator) await removeAllButOperator(kubectl);
      else {
        const { code, stdout, stderr } = await start(['down', '--yes']).ended;
        if (code !== 0) throw new Error(`down failed:\n${stderr}${stdout}`);
      }
      await control('aws', 'POST', '/reset');
    },
    describeAccount: () => control('aws', 'GET', '/account') as Promise<string[]>,
    async removeNodeImages() {
      const images = (await ctr('images', 'list', '--quiet')).split('\n');
      const others = images.filter(
        (image) => image !== '' && !image.includes('pause') && !image.startsWith('sha256:'),
      );
      await ctr('images', 'remove', '--sync', ...others);
    },
    async requestedNames() {
      const lines = (await readFile(join(state, 'logs/dns.jsonl'), 'utf8')).trimEnd().split('\n');
      const questions = lines.map((line) => JSON.parse(line) as { view: string; name: string });
      return questions.filter(({ view }) => view === 'vpc').map(({ name }) => name);
    },
    async nodeRequests() {
      const lines = (await readFile(requestLog, 'utf8')).trimEnd().split('\n');
      const requests = lines.map((line) => JSON.parse(line) as NodeRequest & { readonly client: string });
      const ofLaptop = Object.values<string>(addresses);
      return requests.filter(({ client }) => !ofLaptop.includes(client));
    },
    async switchOff() {
      await control('machine', 'POST', '/switch-off');
      return async () => {
        await control('machine', 'POST', '/switch-on');
      };
    },
    async addMachine() {
      await control('machine', 'POST', '/joining-machine');
      return {
        ...labNode(joiningMachine, cluster),
        async join() {
          await control('machine', 'POST', '/join');
        },
        async remove() {
          await control('machine', 'DELETE', '/joining-machine');
          await cluster.remove('node', joiningMachine.node);
        },
      };
    },
    printed: () => readFile(transcript, 'utf8'),
    secrets: allSecrets,
    async serveAdmissionPolicies(yes) {
      if (lacking.includes('serve admission policies')) return;
      const args = yes ? [] : ['--emulated-version=1.35'];
      await control('machine', 'POST', '/restart', { name: `${names.name}-kube-apiserver`, args });
    },
    now: () => Date.now(),
    async startSecondCluster() {
      await control('machine', 'POST', '/second-cluster');
      return labWorld(clusters.second);
    },
    async stopSecondCluster() {
      await control('machine', 'DELETE', '/second-cluster');
    },
    advanceTime: (seconds) => sleep(seconds * 1000),
  };
}
