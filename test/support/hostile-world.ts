import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { EngineOptions } from '../../src/mirror/engine.ts';
import type { MirrorResult } from '../../src/mirror/engine.ts';
import { contentFolder, diskCache } from '../../src/clients/registry/cache.ts';
import { expectFailure, FaultWorld, missingContent } from './fault-world.ts';
import { sha256, type Blob } from './images.ts';
import { OciServer } from './oci-server.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** A registry with hostile images and a good one, and a user with files that no registry may change. */
export class HostileWorld extends FaultWorld {
  readonly #home = mkdtempSync(join(tmpdir(), 'hostile-'));
  readonly cacheFolder = join(this.#home, '.cache', 'ecr-bootstrap');

  static override async start(): Promise<HostileWorld> {
    const world = new HostileWorld(await OciServer.start(), await OciServer.start());
    world.source.put('corrupted', '1', [world.corrupted]);
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

  /** Stores a manifest in a repository of the source, unchanged. */
  hold(manifest: object | string, mediaType = manifestType, name = 'corrupted'): Blob {
    const bytes = Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
    const blob = { digest: sha256(bytes), mediaType, bytes };
    this.source.repository(name).manifests.set(blob.digest, blob);
    return blob;
  }

  /** Stores a manifest as {@link hold} does, also under the tag that is copied. */
  tag(manifest: object | string, mediaType = manifestType, name = 'corrupted'): Blob {
    const blob = this.hold(manifest, mediaType, name);
    this.source.repository(name).manifests.set('1', blob);
    return blob;
  }

  /** Expects that the hostile images fail, that the good one is copied, and that only cached content changes. */
  async resists(
    code: string,
    why: string | RegExp,
    { names = ['corrupted'], ...more }: Partial<EngineOptions> & { readonly names?: readonly string[] } = {},
  ): Promise<readonly MirrorResult[]> {
    const before = this.#files();
    const results = await this.copy([...names, 'good'], more);
    for (const [index, name] of names.entries()) {
      expectFailure(results[index], code, name);
      expect(results[index]?.error?.why).toMatch(why);
    }
    const good = results.at(-1);
    expect(good?.error?.message ?? good?.state).toMatch(/^(copied|current)$/);
    expect(missingContent(this.target)).toEqual([]);
    await this.failsInLayout(results[0], names, more);
    expect(this.#files()).toEqual(before);
    return results;
  }

  /** Sends a body byte by byte. The world's clock moves by a minute before each byte. */
  drip(response: ServerResponse, body: Buffer): void {
    const send = async () => {
      for (const byte of body) {
        if (response.destroyed) return;
        this.clock.advance(60_000);
        response.write(Buffer.of(byte));
        await delay(2);
      }
      response.end();
    };
    response.on('error', () => undefined);
    void send();
  }

  /** All files of the user except cached content, with their contents. */
  #files(): Record<string, string> {
    const all = readdirSync(this.#home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const content =
      /^\.cache\/ecr-bootstrap\/content\/(sha256\/[0-9a-f]{64}|sha512\/[0-9a-f]{128})(\.[0-9a-f]{12})?$/;
    const others = all.map((file) => relative(this.#home, file)).filter((file) => !content.test(file));
    return Object.fromEntries(others.map((file) => [file, readFileSync(join(this.#home, file), 'utf8')]));
  }
}
