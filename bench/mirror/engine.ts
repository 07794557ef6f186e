import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/core/clock.ts';
import type { Engine } from '../../src/mirror/engine.ts';
import { Contents } from '../../src/mirror/registry/contents.ts';
import { createRegistryEngine } from '../../src/mirror/registry/engine.ts';
import { createNet, type Net } from '../../src/clients/net/index.ts';
import { cacheFolder } from '../../src/core/paths.ts';
import type { CredentialStore } from '../../src/clients/registry/credentials.ts';
import { contentFolder, diskCache } from '../../src/clients/registry/cache.ts';
import { hintsFile } from '../../src/clients/registry/hints.ts';
import { openRegistries } from '../../src/clients/registry/index.ts';
import type { WantedImage } from '../../src/images/port.ts';
import { farName, leadBack } from './far.ts';

/**
 * One run of one of this product's engines between two plain registries, as a process of its own: what `mirror` does
 * once it knows its images, without the ECR around it. The list has a source and a target reference in each line.
 */
const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'registry' },
    list: { type: 'string', default: '' },
    concurrency: { type: 'string', default: '16' },
    /** What the registries speak, as their users know it and the engine does not of a host of loopback. */
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
const anonymous: CredentialStore = { find: () => Promise.resolve(undefined) };

const net = createNet();
const engine = values.engine === 'docker' ? await dockerEngine() : registryEngine(net);
const results = await engine.copy(images, {
  platforms: values.engine === 'docker' ? ['linux/amd64'] : 'all',
  concurrency: Number(values.concurrency),
  signal: new AbortController().signal,
  emit: () => undefined,
});
await net.close();
const failure = results.find(({ error }) => error)?.error;
if (failure) throw failure;

function registryEngine(net: Net): Engine {
  const folder = cacheFolder(process.env);
  const hints = hintsFile(join(folder, 'hints'));
  const protocol = values.protocol === 'http' ? 'http' : 'https';
  const registries = openRegistries({
    net: leadBack(net, protocol),
    clock: systemClock,
    credentials: anonymous,
    hints,
  });
  // As at the ECR, it is known beforehand what the target wants.
  const nobody = {
    preemptive: true,
    credential: () => Promise.resolve(undefined),
    hint: 'The benchmark needs no login.',
  };
  return createRegistryEngine({
    clock: systemClock,
    target: registries.own(farName(targetHost), nobody, {}),
    sourceOf: (host) => registries.source(farName(host)),
    contents: new Contents(diskCache(contentFolder(folder))),
    hints,
    mounting: () => Promise.resolve(undefined),
  });
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
      // The Docker engine wants a login to push with; these registries look at none.
      credential: () => Promise.resolve({ username: 'nobody', password: new Secret('nothing') }),
      manifest: (repository, reference, signal = new AbortController().signal) =>
        target.getManifest(repository, reference, { signal }),
    },
  });
}
