import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createNet, type Net } from '../../src/clients/net/index.ts';
import { contentFolder, diskCache } from '../../src/clients/registry/cache.ts';
import { historyFile } from '../../src/clients/registry/history.ts';
import { openRegistries } from '../../src/clients/registry/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { cacheFolder } from '../../src/core/paths.ts';
import type { WantedImage } from '../../src/images/wanted.ts';
import type { Engine } from '../../src/mirror/engine.ts';
import { Contents } from '../../src/mirror/registry/contents.ts';
import { createRegistryEngine } from '../../src/mirror/registry/engine.ts';

/**
 * Runs the product's registry engine once between two plain registries, without ECR. This is what `mirror` does once
 * it knows its images. Each line of the list has a source and a target reference.
 */
const { values } = parseArgs({
  options: {
    list: { type: 'string', default: '' },
    concurrency: { type: 'string', default: '16' },
    protocol: { type: 'string', default: 'https' },
    // ECR's account setting, which forbids mounting blobs by default.
    'without-mounts': { type: 'boolean', default: false },
  },
});

const pairs = readFileSync(values.list, 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

const images = pairs.map(([source = '', target = '']): WantedImage => {
  const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:/]+)$/.exec(target) ?? [];
  return { source, repository, tag, wantedBy: ['benchmark'] };
});

const targetHost = pairs[0]?.[1]?.split('/')[0] ?? '';
const anonymous = { find: () => Promise.resolve(undefined), credential: () => Promise.resolve(undefined) };

const net = createNet();
const results = await registryEngine().copy(images, {
  platforms: 'all',
  concurrency: Number(values.concurrency),
  signal: new AbortController().signal,
  emit: () => undefined,
});
await net.close();
const failure = results.find(({ error }) => error)?.error;
if (failure) throw failure;

function registryEngine(): Engine {
  const folder = cacheFolder(process.env);
  const history = historyFile(join(folder, 'history'));
  const remote = remoteNet(net, values.protocol);
  const registries = openRegistries({ net: remote, clock: systemClock, credentials: anonymous, history });
  // As with ECR, the target's authentication scheme is known in advance.
  const identity = { ...anonymous, preemptive: true, hint: '' };
  return createRegistryEngine({
    clock: systemClock,
    target: registries.own(remoteName(targetHost), identity, {}),
    sourceOf: (host) => registries.source(remoteName(host)),
    contents: new Contents(diskCache(contentFolder(folder))),
    history,
    folder,
    mounting: () => Promise.resolve(!values['without-mounts']),
  });
}

function remoteName(host: string): string {
  return host.replace('127.0.0.1', 'loopback.test');
}

/**
 * Redirects requests for a {@link remoteName} to loopback. With a loopback name, the product would first check
 * whether the host speaks TLS, which costs round trips that a registry on the internet does not cost.
 */
function remoteNet(net: Net, protocol: string): Net {
  class NearAgent extends Agent {
    override createConnection(options: NetConnectOpts) {
      const near = { ...options, host: '127.0.0.1', servername: '' };
      return protocol === 'https' ? super.createConnection(near) : connect(near);
    }
  }
  const near = new NearAgent({ keepAlive: true, timeout: 4000 });
  return { ...net, agentFor: async (url) => (url.hostname === 'loopback.test' ? near : net.agentFor(url)) };
}
