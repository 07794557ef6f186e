import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { Contents } from '../../../src/mirror/registry/contents.ts';
import { createRegistryEngine } from '../../../src/mirror/registry/engine.ts';
import { createNet, type Net } from '../../../src/clients/net/index.ts';
import { diskCache } from '../../../src/clients/registry/cache.ts';
import { historyFile } from '../../../src/clients/registry/history.ts';
import { openRegistries } from '../../../src/clients/registry/index.ts';
import { startRegistry, type RunningProgram } from '../../support/real.ts';
import { engineContract, type EngineWorld } from '../engines.ts';

let parts: RunningProgram[] = [];
let world: EngineWorld;
let net: Net;
let folder: string;

beforeAll(async () => {
  const [source, target] = await Promise.all([startRegistry(), startRegistry()]);
  parts = [source, target];
  folder = await mkdtemp(join(tmpdir(), 'registry-engine-'));
  net = createNet(source.registry.ca + target.registry.ca);
  const { address, user } = target.registry;
  const identity = { preemptive: true, hint: 'Log in.', credential: () => Promise.resolve(user) };
  world = {
    source: source.registry,
    target: target.registry,
    engine: (credentials) => {
      const registries = openRegistries({ net, clock: systemClock, credentials });
      return createRegistryEngine({
        clock: systemClock,
        target: registries.own(address, identity, {}),
        sourceOf: registries.source,
        contents: new Contents(diskCache(folder)),
        history: historyFile(join(folder, 'history')),
        folder,
        mounting: () => Promise.resolve(undefined),
      });
    },
  };
});

afterAll(async () => {
  await net.close();
  await Promise.all(parts.map((part) => part.stop()));
  await rm(folder, { recursive: true, force: true });
});

engineContract('registry', () => world);
