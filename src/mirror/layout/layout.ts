import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import { corruptContentError } from '../../clients/registry/errors.ts';
import { algorithmOf, type Digest, digestOf, isDigest, isTag } from '../../clients/registry/digest.ts';
import {
  isNondistributable,
  type Manifest,
  maxManifestBytes,
  parseManifest,
} from '../../clients/registry/manifest.ts';
import type { RawManifest } from '../../clients/registry/raw-manifest.ts';
import { BootstrapError, reasonOf, systemCode } from '../../core/errors.ts';
import { onceFulfilled } from '../../core/once.ts';
import { canonical } from '../../images/operator.ts';
import { formatReference, parseIfValid } from '../../images/reference.ts';

/** One entry of the index of a layout. */
export interface LayoutEntry {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType?: string;
  /** The normalized reference, if the entry has a full one. */
  readonly name?: string;
  /** The tag, if that is all that the entry has: regctl writes no name. */
  readonly tag?: string;
}

/** The artifact type of the operator's YAML, which is no image. */
export const operatorYamlType = 'application/vnd.ecr-bootstrap.operator.v1';
export const isOperatorYaml = ({ artifactType }: LayoutEntry): boolean => artifactType === operatorYamlType;

/** A descriptor as the index has it: other tools may add any field. */
interface RawEntry {
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

interface RawIndex {
  readonly manifests: readonly RawEntry[];
  readonly [field: string]: unknown;
}

const refName = 'org.opencontainers.image.ref.name';
/** `docker save` and containerd write the full name here, and the tag as {@link refName}. */
const imageName = 'io.containerd.image.name';

const emptyIndex: RawIndex = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
};

/** Thousands of images. */
const maxIndexBytes = 64 * 1024 * 1024;
/** Another run holds the lock for milliseconds. After this time, it was killed. */
const maxLockMs = 10_000;
const lockPauseMs = 20;
/** A temporary file that no run has written to for this long is the rest of a killed run. */
const maxPartialMs = 24 * 60 * 60_000;

/**
 * A folder in the format of the OCI image layout specification. It may come from anywhere: digests are validated
 * before they become paths, nothing outside the folder is read, and content is verified. Files appear complete or
 * not at all. Several runs may write to one folder.
 */
export class Layout {
  /** `oci:FOLDER`, as the user wrote it. */
  readonly name: string;
  readonly #folder: string;
  readonly #changes = pLimit(1);
  /** Blobs that were verified or written during this run. */
  readonly #verified = new Set<Digest>();
  /** After a failed write, for example to a full disk, others would fail too. */
  #failure: BootstrapError | undefined;

  /** @param folder an absolute path */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.name = name;
  }

  /**
   * What the index of the layout lists.
   * @param isNew whether the folder need not exist yet
   * @throws BootstrapError `layout-invalid`
   */
  async entries({ isNew = false } = {}): Promise<readonly LayoutEntry[]> {
    if (isNew && !(await exists(join(this.#folder, 'index.json')))) return [];
    const { manifests } = await this.#index();
    return manifests.map((entry) => this.#entryOf(entry));
  }

  /**
   * Creates the folder and its index if they do not exist.
   * @throws BootstrapError `layout-invalid` if the folder has other files, `layout-unwritable`
   */
  prepare = onceFulfilled(async (): Promise<void> => {
    await this.#writing(() => mkdir(this.#folder, { recursive: true }));
    const files = await this.#writing(() => readdir(this.#folder));
    const other = files.find(
      (file) => !/^(oci-layout|index\.json|index\.json\.lock(\.stale)?|blobs|.*\.partial)$/.test(file),
    );
    if (!files.includes('oci-layout')) {
      if (other !== undefined) throw this.#invalid(`the folder has other files, for example ${other}`);
      await this.#writeFile(join(this.#folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    }
    await this.#prepareBlobs('sha256');
    await this.#removeOldPartials(files);
    // Checks the index too, so that the run ends before it downloads anything.
    await this.#change((manifests) => manifests);
  });

  /** The bytes of a blob, not verified. @throws BootstrapError `image-corrupt` if there is no such blob */
  async openBlob(
    digest: Digest,
  ): Promise<{ readonly size: number; readonly chunks: () => AsyncIterable<Buffer> }> {
    const file = await this.#fileOf(digest);
    if (!file) throw this.#corrupt(digest, 'is missing');
    return { size: file.size, chunks: () => this.#chunks(digest, file.path) };
  }

  async *#chunks(digest: Digest, path: string): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of createReadStream(path)) yield chunk as Buffer;
    } catch (error) {
      throw isAbsent(error) ? this.#corrupt(digest, 'is missing') : this.#unreadable(path, error);
    }
  }

  /**
   * A manifest, or another blob of at most its size.
   * @returns undefined if there is no such blob
   * @throws BootstrapError `image-corrupt` for a wrong digest
   */
  async read(digest: Digest, mediaType = ''): Promise<RawManifest | undefined> {
    const file = await this.#fileOf(digest);
    if (!file) return undefined;
    if (file.size > maxManifestBytes) throw this.#corrupt(digest, `is too large: it has ${file.size} bytes`);
    const bytes = await readWhole(file.path).catch((error: unknown) => {
      throw this.#unreadable(file.path, error);
    });
    if (digestOf(bytes, algorithmOf(digest)) !== digest) throw this.#corrupt(digest, 'has other content');
    return { digest: digestOf(bytes), mediaType, bytes };
  }

  /** Whether the layout has a blob with this content. Reads it, and removes a file with other content. */
  async has(digest: Digest): Promise<boolean> {
    if (this.#verified.has(digest)) return true;
    const file = await this.#fileOf(digest);
    if (!file) return false;
    const hash = createHash(algorithmOf(digest));
    for await (const chunk of this.#chunks(digest, file.path)) hash.update(chunk);
    const isVerified = digest.endsWith(`:${hash.digest('hex')}`);
    if (isVerified) this.#verified.add(digest);
    else await this.#writing(() => rm(file.path, { force: true }));
    return isVerified;
  }

  /** Whether the layout has all content of an image, each file with its length. */
  async isComplete(digest: Digest, seen = new Set<Digest>()): Promise<boolean> {
    if (seen.has(digest)) return true;
    seen.add(digest);
    const manifest = await this.#parsed(digest);
    if (!manifest) return false;
    const blobs = manifest.blobs.filter((blob) => !isNondistributable(blob));
    for (const blob of [...blobs, ...manifest.children]) {
      if ((await this.#fileOf(blob.digest))?.size !== blob.size) return false;
    }
    for (const child of manifest.children) if (!(await this.isComplete(child.digest, seen))) return false;
    return true;
  }

  /** @param content is verified while it is read, and need not be verified again */
  async writeBlob(
    { digest, size }: { readonly digest: Digest; readonly size: number },
    content: Buffer | AsyncIterable<Buffer>,
  ): Promise<void> {
    if (this.#failure) throw this.#failure;
    const path = this.#pathOf(digest);
    await this.#prepareBlobs(algorithmOf(digest));
    const written = await this.#writeFile(path, content);
    if (written !== size) throw new Error(`wrote ${written} of the ${size} bytes of ${digest}`);
    this.#verified.add(digest);
  }

  /** Creates the folder of an algorithm's blobs, inside of the layout. */
  async #prepareBlobs(algorithm: string): Promise<void> {
    const path = join(this.#folder, 'blobs', algorithm);
    await this.#writing(() => mkdir(path, { recursive: true }));
    await this.#contained(path);
  }

  /** Throws the error that {@link writeBlob} would throw before it reads anything. */
  refuseIfBroken(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Adds an image to the index, whose content is there. It replaces one with the same name. */
  async addEntry(
    { digest, mediaType, bytes }: RawManifest,
    name: string,
    { artifactType }: Pick<LayoutEntry, 'artifactType'> = {},
  ): Promise<void> {
    const added: RawEntry = {
      mediaType,
      ...(artifactType !== undefined && { artifactType }),
      digest,
      size: bytes.length,
      annotations: { [refName]: name },
    };
    await this.#change((manifests) => {
      const others = manifests.filter(
        (entry) => nameOf(entry) !== name && entry.annotations?.[refName] !== name,
      );
      const [known] = manifests.filter((entry) => !others.includes(entry));
      return known?.['digest'] === digest && others.length === manifests.length - 1
        ? manifests
        : [...others, added];
    });
  }

  #entryOf(entry: RawEntry): LayoutEntry {
    const { digest, mediaType, artifactType, annotations } = entry;
    if (!isDigest(digest)) throw this.#invalid('its index has an entry without a valid digest');
    const name = nameOf(entry);
    const tag = annotations?.[refName];
    return {
      digest,
      mediaType: typeof mediaType === 'string' ? mediaType : '',
      ...(typeof artifactType === 'string' && { artifactType }),
      ...(name !== undefined ? { name } : typeof tag === 'string' && { tag }),
    };
  }

  async #index(): Promise<RawIndex> {
    try {
      const version = await this.#json('oci-layout', 1024);
      if (!/^1\./.test(String(version['imageLayoutVersion']))) {
        throw this.#invalid('its oci-layout file has no version 1');
      }
      const index = await this.#json('index.json', maxIndexBytes);
      const { manifests } = index;
      const isList =
        Array.isArray(manifests) && manifests.every((one) => typeof one === 'object' && one !== null);
      if (!isList) throw this.#invalid('its index.json has no list of manifests');
      return index as RawIndex;
    } catch (error) {
      if (error instanceof BootstrapError) throw error;
      if (isAbsent(error)) throw this.#invalid(await this.#absence(), error);
      throw this.#unreadable(this.#folder, error);
    }
  }

  /** Why the files of a layout are not there. */
  async #absence(): Promise<string> {
    const folder = await stat(this.#folder).catch(() => undefined);
    if (!folder) return 'the folder does not exist';
    return folder.isDirectory() ? 'it has no oci-layout file or no index.json' : 'it is not a folder';
  }

  async #json(file: string, maxBytes: number): Promise<Readonly<Record<string, unknown>>> {
    const path = join(this.#folder, file);
    await this.#contained(path);
    const found = await stat(path);
    // Reading a named pipe would not end.
    if (!found.isFile()) throw this.#invalid(`its ${file} is not a file`);
    if (found.size > maxBytes) throw this.#invalid(`its ${file} is too large`);
    const text = await readFile(path, 'utf8');
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch (error) {
      throw this.#invalid(`its ${file} is incomplete or not JSON`, error);
    }
    throw this.#invalid(`its ${file} is not a JSON object`);
  }

  #pathOf(digest: Digest): string {
    return join(this.#folder, 'blobs', ...digest.split(':'));
  }

  async #fileOf(digest: Digest): Promise<{ readonly path: string; readonly size: number } | undefined> {
    const path = this.#pathOf(digest);
    try {
      await this.#contained(path);
      const found = await stat(path);
      return found.isFile() ? { path, size: found.size } : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      if (error instanceof BootstrapError) throw error;
      throw this.#unreadable(path, error);
    }
  }

  /** A link could make this program send files of the user to a registry. */
  async #contained(path: string): Promise<void> {
    const [real, root] = await Promise.all([realpath(path), realpath(this.#folder)]);
    if (!real.startsWith(root + sep)) throw this.#invalid(`${this.#relative(path)} leads out of it`);
  }

  async #parsed(digest: Digest): Promise<Manifest | undefined> {
    try {
      const raw = await this.read(digest);
      return raw && parseManifest(raw.bytes, raw.mediaType, `could not read ${digest} of ${this.name}`);
    } catch (error) {
      if (error instanceof BootstrapError && error.code.startsWith('image-')) return undefined;
      throw error;
    }
  }

  /** Changes the index, one run after another. */
  #change(change: (manifests: readonly RawEntry[]) => readonly RawEntry[]): Promise<void> {
    return this.#changes(async () => {
      const unlock = await this.#lock();
      try {
        const path = join(this.#folder, 'index.json');
        const isThere = await exists(path);
        const index = isThere ? await this.#index() : emptyIndex;
        const manifests = change(index.manifests);
        if (isThere && manifests === index.manifests) return;
        await this.#writeFile(path, JSON.stringify({ ...index, manifests }));
      } finally {
        await unlock();
      }
    });
  }

  async #lock(): Promise<() => Promise<void>> {
    const path = join(this.#folder, 'index.json.lock');
    for (;;) {
      try {
        const handle = await open(path, 'wx');
        await handle.close();
        return () => rm(path, { force: true });
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw this.#unwritable(error);
      }
      if (await isStale(path)) await this.#removeStaleLock(path);
      else await setTimeout(lockPauseMs);
    }
  }

  /** Of several runs that wait, only one removes the lock. The others may otherwise remove that of the next one. */
  async #removeStaleLock(path: string): Promise<void> {
    const claim = `${path}.stale`;
    try {
      await (await open(claim, 'wx')).close();
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw this.#unwritable(error);
      if (await isStale(claim)) await this.#writing(() => rm(claim, { force: true }));
      return setTimeout(lockPauseMs);
    }
    try {
      if (await isStale(path)) await this.#writing(() => rm(path, { force: true }));
    } finally {
      await rm(claim, { force: true });
    }
  }

  /** Writes a temporary file, then renames it. @returns the number of bytes */
  async #writeFile(path: string, content: string | Buffer | AsyncIterable<Buffer>): Promise<number> {
    const partial = join(this.#folder, `${randomBytes(8).toString('hex')}.partial`);
    const whole = typeof content === 'string' ? Buffer.from(content) : content;
    let file: FileHandle | undefined;
    let size = 0;
    try {
      file = await this.#writing(() => open(partial, 'wx'));
      for await (const chunk of Buffer.isBuffer(whole) ? [whole] : whole) {
        await this.#writing(async () => file?.writeFile(chunk));
        size += chunk.length;
      }
      await this.#writing(async () => file?.datasync());
      await this.#writing(async () => file?.close());
      file = undefined;
      await this.#writing(() => rename(partial, path));
      return size;
    } finally {
      await file?.close().catch(() => undefined);
      await rm(partial, { force: true }).catch(() => undefined);
    }
  }

  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw (this.#failure = this.#unwritable(error));
    }
  }

  async #removeOldPartials(files: readonly string[]): Promise<void> {
    for (const file of files.filter((name) => name.endsWith('.partial'))) {
      const path = join(this.#folder, file);
      if (((await ageMs(path)) ?? 0) > maxPartialMs) await this.#writing(() => rm(path, { force: true }));
    }
  }

  #corrupt(digest: Digest, why: string): BootstrapError {
    const { code, what } = corruptContentError(`could not read ${this.name}`, why);
    const file = `blobs/${digest.replace(':', '/')}`;
    return new BootstrapError({ code, what, why: `${file} ${why}`, hint: this.hint });
  }

  /** The fix for content that is missing or wrong. */
  get hint(): string {
    return `Copy the folder again, or delete the wrong file and repeat the command that wrote it: \`ecr-bootstrap mirror --to ${this.name} …\`.`;
  }

  /** @param path of a file, or of the whole folder */
  #unreadable(path: string, error: unknown): BootstrapError {
    const why = path === this.#folder ? reasonOf(error) : `${this.#relative(path)}: ${reasonOf(error)}`;
    const isDenied = /^(EACCES|EPERM)$/.test(systemCode(error));
    return this.#invalid(
      why,
      error,
      isDenied ? 'Correct the permissions of the folder and its files.' : copyAgain,
    );
  }

  #invalid(why: string, cause?: unknown, hint = copyAgain): BootstrapError {
    const what = `could not use ${this.name} as an image layout`;
    return new BootstrapError({ code: 'layout-invalid', what, why, hint }, { cause });
  }

  #relative(path: string): string {
    return path.slice(this.#folder.length + 1);
  }

  #unwritable(error: unknown): BootstrapError {
    const [why, hint] = unwritableReasons[systemCode(error)] ?? [
      reasonOf(error),
      'Correct the permissions of the folder, or choose another one.',
    ];
    const what = `could not write ${this.name}`;
    return new BootstrapError({ code: 'layout-unwritable', what, why, hint }, { cause: error });
  }
}

const copyAgain =
  'Check the path. If the folder was copied, copy it again. `ecr-bootstrap mirror --to oci:FOLDER` creates a layout.';

const full = [
  'the disk is full',
  'Free some space, then run the same command again. It adds only what is missing.',
] as const;
const occupied = ['there is a file with this name', 'Choose another folder.'] as const;

const unwritableReasons: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOSPC: full,
  EDQUOT: full,
  EEXIST: occupied,
  ENOTDIR: occupied,
};

/** The normalized full reference of an entry. A single word is a tag. */
function nameOf({ annotations }: RawEntry): string | undefined {
  const [text] = [annotations?.[imageName], annotations?.[refName]].filter((one) => typeof one === 'string');
  if (text === undefined || isTag(text)) return undefined;
  const reference = parseIfValid(text);
  return reference && formatReference(canonical(reference));
}

async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const isAbsent = (error: unknown): boolean => /^(ENOENT|ENOTDIR)$/.test(systemCode(error));

/** Whether the run that made a lock was killed. The clock of another machine that shares the folder may be ahead. */
const isStale = async (path: string): Promise<boolean> => Math.abs((await ageMs(path)) ?? 0) > maxLockMs;

const exists = async (path: string): Promise<boolean> => (await ageMs(path)) !== undefined;

/** Milliseconds since a file was last written. Undefined if it does not exist. */
async function ageMs(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await lstat(path)).mtimeMs;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
