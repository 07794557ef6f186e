import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'vitest';
import type { MirrorResult } from '../../src/mirror/port.ts';
import { contentFolder, diskCache } from '../../src/registry/cache.ts';
import { expectFailure, FaultWorld, missingBehindTags } from './fault-world.ts';
import { sha256, type Blob } from './images.ts';
import { OciServer } from './oci-server.ts';

/** A registry with a hostile and a good image, and a user with files that no registry may touch. */
export class HostileWorld extends FaultWorld {
  readonly #home = mkdtempSync(join(tmpdir(), 'hostile-'));
  readonly cacheFolder = join(this.#home, '.cache', 'ecr-bootstrap');

  static override async start(): Promise<HostileWorld> {
    const world = new HostileWorld(await OciServer.start(), await OciServer.start());
    world.source.put('spoilt', '1', [world.spoilt]);
    world.source.put('good', '1', [world.good]);
    mkdirSync(world.cacheFolder, { recursive: true });
    for (const file of world.#precious) writeFileSync(file, 'precious');
    world.cache = () => diskCache(contentFolder(world.cacheFolder));
    return world;
  }

  override async close(): Promise<void> {
    await super.close();
    rmSync(this.#home, { recursive: true });
  }

  /** A file at each level above the cached content. */
  get #precious(): string[] {
    return [this.#home, join(this.#home, '.cache'), this.cacheFolder].map((folder) =>
      join(folder, 'precious'),
    );
  }

  /** Puts a manifest under the hostile image's tag, as it is. */
  tag(manifest: object | Buffer | string, mediaType = 'application/vnd.oci.image.manifest.v1+json'): Blob {
    const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
    const bytes = Buffer.isBuffer(manifest) ? manifest : Buffer.from(text);
    const blob = { digest: sha256(bytes), mediaType, bytes };
    const { manifests } = this.source.repository('spoilt');
    manifests.set('1', blob).set(blob.digest, blob);
    return blob;
  }

  /** The hostile image fails, the good one is copied, and no file outside the cache's content has changed. */
  async resists(code: string, why: string | RegExp): Promise<MirrorResult> {
    const before = this.#files();
    const [failed, good] = await this.copy(['spoilt', 'good']);
    expectFailure(failed, code, '/spoilt');
    expect(failed?.error?.why).toMatch(why);
    expect(good?.error?.message ?? good?.state).toMatch(/^(copied|current)$/);
    expect(missingBehindTags(this.target)).toEqual([]);
    expect(this.#files()).toEqual(before);
    return failed as MirrorResult;
  }

  /** All files of the user but the cached content, with what is in them. */
  #files(): Record<string, string> {
    const all = readdirSync(this.#home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const content = new RegExp(
      `^${contentFolder(this.cacheFolder)}/(sha256/[0-9a-f]{64}|sha512/[0-9a-f]{128})$`,
    );
    const others = all.filter((file) => !content.test(file));
    return Object.fromEntries(others.map((file) => [relative(this.#home, file), readFileSync(file, 'utf8')]));
  }
}
