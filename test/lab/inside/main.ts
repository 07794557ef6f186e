import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ContainerdVariant } from '../../scenarios/world.ts';
import { control, controlSocket } from '../control.ts';
import { publishImages } from '../images/catalog.ts';
import { addresses, awsNames, clusters, internetNames, matches, websiteNames } from '../names.ts';
import { requestLog, root, state } from '../paths.ts';
import { say } from '../process.ts';
import { Authority } from './certificates.ts';
import { startCluster, startJoiningMachine } from './cluster.ts';
import type { JoiningMachine, RunningCluster } from './cluster.ts';
import { serveControl } from './control.ts';
import { serveNames } from './dns.ts';
import { isolate } from './isolate.ts';
import { caBundle, docker, internetRegistry, writeLaptop } from './laptop.ts';
import { Services } from './service.ts';
import { serveWebsite } from './website.ts';

const inState = (...path: string[]) => join(state, ...path);
const logs = {
  setup: inState('logs/setup.log'),
  dns: inState('logs/dns.jsonl'),
  aws: inState('logs/aws.jsonl'),
  requests: requestLog,
};
const services = new Services(inState('logs'));
let first: RunningCluster | undefined;
let second: RunningCluster | undefined;
let joining: JoiningMachine | undefined;
/** Whether the laptop resolves names on the internet. */
let internetWorks = true;

async function serveLaptopNames(): Promise<void> {
  const lookup = async (name: string) => {
    if (internetWorks && matches(websiteNames, name)) return addresses.website;
    if (internetWorks && matches(internetNames, name)) return addresses.internet;
    return matches(awsNames, name) ? addresses.aws : undefined;
  };
  await serveNames('internet', addresses.internet, lookup, logs.dns);
}

async function startInternet(authority: Authority): Promise<void> {
  const names = [...internetNames, ...websiteNames].map((name) => `DNS:${name}`);
  const certificate = await authority.issueServer('internet', names);
  await serveWebsite(certificate);
  await services.start(await internetRegistry(inState('internet'), certificate));
  await publishImages(inState('internet/scratch'), await readFile(caBundle, 'utf8'), logs.setup);
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
    command: [...program, key, certificate, inState('laptop'), socket, logs.aws, logs.requests],
    ready: async () => (await control('aws', 'GET', '/health')) === 'ok',
  });
}

async function main(): Promise<void> {
  await isolate(inState('machine'), logs.setup);
  const authority = await Authority.create(inState('aws'), 'Amazon of the lab', logs.setup);
  await writeLaptop(inState('laptop'), authority);
  await serveLaptopNames();
  const published = startInternet(authority);
  [first] = await Promise.all([
    startCluster(clusters.first, services, logs, published),
    services.start(docker),
    startAws(authority),
    published,
  ]);
  await serveControl(controlSocket('machine'), {
    'GET /services': () => services.all().map(({ name, running, log }) => ({ name, running, log })),
    /** Restarts a service with additional arguments. */
    'POST /restart': async (body) => {
      const { name, args = [] } = body as { name: string; args?: string[] };
      const service = services.get(name);
      await service.stop();
      await service.start(args);
    },
    'POST /internet': (works) => {
      internetWorks = works === true;
    },
    /** Starts a machine's containerd again with another configuration. */
    'POST /containerd': async (body) => {
      const { machine, variant } = body as { machine: string; variant: ContainerdVariant };
      await { first, second, joining }[machine]?.configureContainerd(variant);
    },
    'POST /switch-off': () => first?.switchOff(),
    'POST /switch-on': () => first?.switchOn(),
    'POST /joining-machine': async () => {
      if (first !== undefined) joining ??= await startJoiningMachine(first, services, logs);
    },
    'POST /join': () => joining?.join(),
    'DELETE /joining-machine': async () => {
      await joining?.stop();
      joining = undefined;
    },
    'POST /second-cluster': async () => {
      second ??= await startCluster(clusters.second, services, logs, published);
    },
    'DELETE /second-cluster': async () => {
      await second?.stop();
      second = undefined;
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
