import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { BootstrapError, reasonOf, systemCode } from '../../core/errors.ts';

/** The state with which commands in other terminals find a running sandbox. */
export interface Running {
  readonly pid: number;
  /** Contains the kubeconfig and certificates of this sandbox only. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly account: string;
}

/** All sandboxes of this user share it. */
const sharedFolder = (): string => join(runtimeFolder(), `ecr-bootstrap-sandbox-${userInfo().uid}`);

/** A runtime folder of another user is not used: the variable survives `sudo` and `su`. */
function runtimeFolder(): string {
  const configured = process.env['XDG_RUNTIME_DIR'];
  return configured && (!existsSync(configured) || isOwnFolder(configured)) ? configured : tmpdir();
}

function isOwnFolder(path: string): boolean {
  const stats = statSync(path);
  const user = process.geteuid?.();
  return stats.isDirectory() && (user === undefined || stats.uid === user);
}

const stateFile = (): string => join(sharedFolder(), 'running.json');

/**
 * A new folder for a sandbox that keeps running.
 * @throws BootstrapError `sandbox-untrusted` or `file-unwritable`
 */
export function createFolder(): string {
  const parent = sharedFolder();
  return createdIn(parent, () => {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    refuseShared(parent, 'folder');
    return mkdtempSync(join(parent, 'run-'));
  });
}

/**
 * A new folder for the sandbox of one command.
 * @throws BootstrapError `file-unwritable`
 */
export const createTemporaryFolder = (): string =>
  createdIn(tmpdir(), () => mkdtempSync(join(tmpdir(), 'ecr-bootstrap-')));

function createdIn(parent: string, create: () => string): string {
  try {
    return create();
  } catch (error) {
    if (error instanceof BootstrapError) throw error;
    throw new BootstrapError(
      {
        code: 'file-unwritable',
        what: `could not create a folder for the sandbox in ${parent}`,
        why: reasonOf(error),
        hint: 'Set TMPDIR to a folder that you can write.',
      },
      { cause: error },
    );
  }
}

/**
 * Makes this sandbox the one that other terminals use. Returns false if another sandbox of this user is
 * running.
 */
export function registerRunning(running: Running): boolean {
  const own = join(running.folder, 'running.json');
  writeFileSync(own, JSON.stringify(running), { mode: 0o600 });
  while (!linked(own, stateFile())) {
    if (readRunning()) return false;
    removeLeftover();
  }
  return true;
}

/**
 * Links the file to its name. Of two sandboxes that start at once, only one succeeds. No terminal reads an
 * incomplete file.
 */
function linked(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Removes the files of a sandbox that was killed. */
function removeLeftover(): void {
  const left = readState();
  rmSync(stateFile(), { force: true });
  if (left?.folder && dirname(left.folder) === sharedFolder()) {
    rmSync(left.folder, { recursive: true, force: true });
  }
}

/** Removes the files of the sandbox of that folder. */
export function removeSandbox(folder: string): void {
  if (readState()?.folder === folder) rmSync(stateFile(), { force: true });
  rmSync(folder, { recursive: true, force: true });
}

/**
 * The sandbox that runs in another process of this user, if there is one.
 * @throws BootstrapError `sandbox-untrusted` if another user could have written its files
 */
export function readRunning(): Running | undefined {
  const running = readState();
  if (!running || !isRunning(running.pid)) return undefined;
  refuseShared(running.folder, 'folder');
  for (const name of ['KUBECONFIG', 'NODE_EXTRA_CA_CERTS']) {
    const file = running.env[name];
    if (file !== undefined) refuseShared(file, 'file');
  }
  return running;
}

function readState(): Running | undefined {
  try {
    refuseShared(sharedFolder(), 'folder');
    refuseShared(stateFile(), 'file');
    return JSON.parse(readFileSync(stateFile(), 'utf8')) as Running;
  } catch (error) {
    if (/^(ENOENT|ENOTDIR)$/.test(systemCode(error))) return undefined;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // The process has ended, or its ID now belongs to a process of another user.
    return false;
  }
}

/**
 * Refuses state that other users could have written, because it names the proxy and certificates that commands
 * use.
 */
function refuseShared(path: string, kind: 'folder' | 'file'): void {
  const user = process.geteuid?.();
  // Windows has no Unix owners and modes.
  if (user === undefined) return;
  const why = exposureOf(lstatSync(path), kind, user);
  if (why === undefined) return;
  throw new BootstrapError({
    code: 'sandbox-untrusted',
    what: `the sandbox's ${kind} ${path} is not trusted`,
    why,
    hint: `Delete ${sharedFolder()}, or set XDG_RUNTIME_DIR to a folder that only you can open.`,
  });
}

function exposureOf(stats: Stats, kind: 'folder' | 'file', user: number): string | undefined {
  if (stats.isSymbolicLink()) return 'it is a link';
  if (kind === 'folder' ? !stats.isDirectory() : !stats.isFile()) return `it is not a ${kind}`;
  if (stats.uid !== user) return 'it belongs to another user';
  const mode = stats.mode & 0o777;
  return mode & 0o077 ? `other users can open it (mode ${mode.toString(8)})` : undefined;
}
