import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MirrorResult } from '../../../src/mirror/port.ts';
import { arrivedFile } from '../../../src/mirror/registry/arrived.ts';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

describe('the file of what has arrived', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'arrived-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('tells the next run what this one saw', async () => {
    const file = join(folder, 'below', 'arrived');
    const first = arrivedFile(file);
    expect(await first.has('host/app:1')).toBe(false);
    await first.add(['host/app:1', 'host/app:2']);
    await first.add(['host/app:2', 'host/app:3']);
    const next = arrivedFile(file);
    expect(await Promise.all(['1', '2', '3', '4'].map((tag) => next.has(`host/app:${tag}`)))).toEqual([
      ...[true, true, true, false],
    ]);
  });

  test('does no harm where it cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const arrived = arrivedFile(join(folder, 'file', 'below'));
    await arrived.add(['host/app:1']);
    expect(await arrived.has('host/app:1')).toBe(true);
  });
});

describe('what is likely there', () => {
  let world: EngineWorld;
  let copy: () => Promise<readonly MirrorResult[]>;
  beforeEach(async () => {
    world = await EngineWorld.start();
    world.source.put('app', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['content'])]);
    const engine = world.engine();
    copy = () => engine.copy([world.wanted('app')], world.options());
    await copy();
  });
  afterEach(() => world.close());

  test('is asked for on both sides at once', async () => {
    // Neither answers before the other was asked.
    let asked = 0;
    let release: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (release = resolve));
    world.source.hold = world.target.hold = () => {
      if ((asked += 1) === 2) release();
      return both;
    };
    const [result] = await copy();
    expect(result).toMatchObject({ state: 'current', requests: 2 });
  });

  test('and is copied when it is gone', async () => {
    world.target.repository('p/app').manifests.clear();
    const [result] = await copy();
    expect(result).toMatchObject({ state: 'copied' });
    expect(world.target.repository('p/app').manifests.has('1')).toBe(true);
  });

  test('and is moved when its source moved', async () => {
    const newer = makeImage({ os: 'linux', architecture: 'amd64' }, ['newer']);
    world.source.put('app', '1', [newer]);
    const [result] = await copy();
    expect(result).toMatchObject({ state: 'moved', targetDigest: newer.manifest.digest });
  });
});
