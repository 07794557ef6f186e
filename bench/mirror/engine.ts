import { readFileSync } from 'node:fs';
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
 * Runs one of the product's engines once between two plain registries, without ECR. This is what `mirror` does
 * once it knows its images. Each line of the list has a source and a target reference.
 */
const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'registry' },
    list: { type: 'string', default: '' },
    concurrency: { type: 'string', default: '16' },
    protocol: { type: 'string', default: 'https' },
    'docker-host': { type: 'string', default: '' },
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
const engine = values.engine === 'docker' ? await dockerEngine() : registryEngine();
const results = await engine.copy(images, {
  platforms: values.engine === 'docker' ? ['linux/amd64'] : 'all',
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
    mounting: () => Promise.resolve(undefined),
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
  const near = (url: URL) =>
    url.hostname === 'loopback.test' ? new URL(`${protocol}://127.0.0.1:${url.port}`) : url;
  return {
    ...net,
    dispatcher: async () =>
      (await net.dispatcher()).compose((dispatch) => (options, handler) => {
        const { origin } = near(new URL(String(options.origin)));
        return dispatch({ ...options, origin }, handler);
      }),
  };
}

async function dockerEngine(): Promise<Engine> {
  const [{ createDockerEngine }, { connectDocker }, { Secret }] = await Promise.all([
    import('../../src/mirror/docker/engine.ts'),
    import('../../src/clients/docker/index.ts'),
    import('../../src/core/secret.ts'),
  ]);
  const registries = openRegistries({ net, clock: systemClock, credentials: anonymous });
  const target = registries.source(targetHost);
  return createDockerEngine({
    clock: systemClock,
    credentials: anonymous,
    docker: () => connectDocker({ host: values['docker-host'], env: {}, home: '/nowhere' }),
    target: {
      host: () => Promise.resolve(targetHost),
      // A Docker engine needs a login to push; these registries ignore it.
      credential: () => Promise.resolve({ username: 'nobody', password: new Secret('nothing') }),
      manifest: (repository, reference, signal = new AbortController().signal) =>
        target.getManifest(repository, reference, { signal }),
    },
  });
}
