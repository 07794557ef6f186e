import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** What a running sandbox leaves for commands in other terminals. */
export interface Running {
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly account: string;
}

/** A folder that only this user can read. */
export const stateFolder = (): string =>
  join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `ecr-bootstrap-sandbox-${userInfo().uid}`);

const stateFile = (): string => join(stateFolder(), 'running.json');

export function writeRunning(running: Running): void {
  mkdirSync(stateFolder(), { recursive: true, mode: 0o700 });
  writeFileSync(stateFile(), JSON.stringify(running), { mode: 0o600 });
}

export const removeRunning = (): void => rmSync(stateFolder(), { recursive: true, force: true });

/** The sandbox that runs in another process of this user, if one does. */
export function readRunning(): Running | undefined {
  try {
    // In a folder that others can write to, somebody else's file is not to be trusted.
    if (statSync(stateFile()).uid !== userInfo().uid) return undefined;
    const running = JSON.parse(readFileSync(stateFile(), 'utf8')) as Running;
    process.kill(running.pid, 0);
    return running;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
