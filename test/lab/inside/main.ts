import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { control, controlSocket } from '../control.ts';
import { pauseImage, publishImages, writePauseImage } from '../images/catalog.ts';
import { addresses, awsNames, internetNames, matches, websiteNames } from '../names.ts';
import { root, state } from '../paths.ts';
import { say } from '../process.ts';
import { Authority } from './certificates.ts';
import { serveControl } from './control.ts';
import { prepareControlPlane } from './control-plane.ts';
import type { ControlPlane } from './control-plane.ts';
import { serveNames } from './dns.ts';
import { isolate } from './isolate.ts';
import { caBundle, docker, internetRegistry, writeLaptop } from './laptop.ts';
import { prepareNode } from './node.ts';
import { Services } from './service.ts';
import { serveWebsite } from './website.ts';

const inState = (...path: string[]) => join(state, ...path);
const log = inState('logs/setup.log');
const services = new Services(inState('logs'));

/** The name servers of both views. Pods ask the air-gapped one, so it knows the cluster's services too. */
async function startNameServers({ api }: ControlPlane): Promise<void> {
  const dnsLog = inState('logs/dns.jsonl');
  const vpc = async (name: string) => {
    const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
    if (service !== undefined && namespace !== undefined) return api.serviceAddress(namespace, service);
    return matches(awsNames, name) ? addresses.aws : undefined;
  };
  const internet = async (name: string) => {
    if (matches(websiteNames, name)) return addresses.website;
    return matches(internetNames, name) ? addresses.internet : vpc(name);
  };
  await serveNames('vpc', addresses.aws, vpc, dnsLog);
  await serveNames('internet', addresses.internet, internet, dnsLog);
}

async function startInternet(authority: Authority): Promise<void> {
  const names = [...internetNames, ...websiteNames].map((name) => `DNS:${name}`);
  const certificate = await authority.issueServer('internet', names);
  await serveWebsite(certificate);
  await services.start(await internetRegistry(inState('internet'), certificate));
  await publishImages(inState('internet/scratch'), await readFile(caBundle, 'utf8'), log);
}

async function startAws(authority: Authority): Promise<void> {
  const { key, certificate } = await authority.issueServer(
    'amazonaws',
    awsNames.map((name) => `DNS:${name}`),
  );
  const socket = controlSocket('aws');
  const program = [process.execPath, '--import', 'tsx', join(root, 'test/lab/inside/aws.ts')] as const;
  await services.start({
    name: 'aws',
    command: [...program, key, certificate, inState('laptop'), socket, inState('logs/aws.jsonl')],
    ready: async () => (await control('aws', 'GET', '/health')) === 'ok',
  });
}

async function startCluster(plane: ControlPlane): Promise<void> {
  const node = await prepareNode(inState('node'), plane, log);
  const startPlane = async () => {
    await services.start(plane.etcd);
    await services.start(plane.apiServer);
    await Promise.all([services.start(plane.controllerManager), services.start(plane.scheduler)]);
  };
  const startRuntime = async () => {
    await services.start(node.containerd);
    const archive = inState('node/pause.tar');
    await writePauseImage(archive, inState('node/pause'), log);
    await node.importImage(archive, pauseImage);
  };
  await Promise.all([startPlane(), startRuntime()]);
  await Promise.all([services.start(node.kubelet), services.start(node.proxy)]);
}

async function main(): Promise<void> {
  await isolate(inState('machine'), log);
  const authority = await Authority.create(inState('aws'), 'Amazon of the lab', log);
  const plane = await prepareControlPlane(inState('control-plane'), log);
  await writeLaptop(inState('laptop'), authority, plane);
  await startNameServers(plane);
  const docked = services.start(docker);
  await Promise.all([startAws(authority), startInternet(authority), docked, startCluster(plane)]);
  await serveControl(controlSocket('machine'), {
    'GET /services': () => services.all().map(({ name, running, log }) => ({ name, running, log })),
    /** Starts a service again, with more arguments than it was started with first. */
    'POST /restart': async (body) => {
      const { name, args = [] } = body as { name: string; args?: string[] };
      const service = services.get(name);
      await service.stop();
      await service.start(args);
    },
  });
  await writeFile(inState('ready'), '');
  say('The lab is ready.');
}

await mkdir(inState('logs'), { recursive: true });
main().catch((error: unknown) => {
  say(`The lab failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
