import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext } from '../../../src/run/context.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { createNet } from '../../../src/clients/net/index.ts';
import { startWorld, type World } from '../../../sandbox/world.ts';
import type { Context } from '../../../src/steps/context.ts';
import { repositories } from '../../../src/steps/repositories.ts';
import { applyStep, type StepWorld } from '../../contract/step-contract.ts';
import { configOf } from '../../support/aws.ts';

/** A complete sandbox in which the repositories exist and contain no images. */
export class MirrorWorld implements StepWorld {
  readonly world: World;
  readonly #context: () => Context;
  readonly #close: () => Promise<void>;

  private constructor(world: World, context: () => Context, close: () => Promise<void>) {
    this.world = world;
    this.#context = context;
    this.#close = close;
  }

  static async start(settings: object = {}): Promise<MirrorWorld> {
    const world = await startWorld();
    const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-test-'));
    const env = world.environment(folder);
    // The credential provider chain of the SDK reads the environment of this process.
    for (const [name, value] of Object.entries(env)) if (name.startsWith('AWS_')) process.env[name] = value;
    const net = createNet(world.caPem, env);
    const cluster = { kubeconfig: env['KUBECONFIG'] };
    const config = configOf({ ...settings, cluster });
    const context = createContext(config, {}, { net, clock: systemClock, env, cwd: '/' });
    const started = new MirrorWorld(
      world,
      () => context.fresh(),
      async () => {
        await context.close();
        await net.close();
        await world.close();
        rmSync(folder, { recursive: true });
      },
    );
    await applyStep(repositories, started);
    return started;
  }

  context(): Context {
    return this.#context();
  }

  close(): Promise<void> {
    return this.#close();
  }
}
