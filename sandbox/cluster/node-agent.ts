import { defaultFolder, type NodeMachine } from './node-machine.ts';
import type { Container, PodSpec } from './pods.ts';

const folder = '/etc/containerd/certs.d';
const hour = 3_600_000;
/** The agent is unready when its token has less time left. */
const minLifeSeconds = 3 * 3600;
/** How often within an hour the agent restores the file of a host. */
const maxRestores = 3;

export type AgentMode = 'write' | 'watch' | 'check' | 'remove';

/** The mode of a container that runs the node agent: `sh -c SCRIPT node-access MODE`. */
export function agentMode(container: Container, { volumes = [] }: PodSpec): AgentMode | undefined {
  const mode = modeOf(container.command);
  const paths = volumes
    .filter(({ hostPath }) => hostPath?.path === '/etc/containerd')
    .map(({ name }) => name);
  return container.volumeMounts?.some(({ name }) => paths.includes(name)) ? mode : undefined;
}

function modeOf([shell, option, , name, mode]: readonly string[] = []): AgentMode | undefined {
  if (shell !== 'sh' || option !== '-c' || name !== 'node-access') return undefined;
  return (['write', 'watch', 'check', 'remove'] as const).find((one) => one === mode);
}

/** Whether the readiness probe of a container is the agent's check. */
export const hasAgentProbe = ({ readinessProbe }: Container): boolean =>
  modeOf(readinessProbe?.exec?.command) === 'check';

/** The text of the Secret that the agent mounts, by key. */
export type Mirrors = Readonly<Record<string, string>>;

/** A model of the node agent: keeps the `hosts.toml` files of a node equal to those in the mounted Secret. */
export class NodeAgent {
  readonly #machine: NodeMachine;
  readonly #project: string;
  /** The files that were in place after the last round, by host. */
  #inPlace = new Map<string, string>();
  /** The times of restored files, by host. */
  readonly #restores = new Map<string, number[]>();
  /** Until when the file of a host is not restored. */
  readonly #pauses = new Map<string, number>();
  #lastState = '';

  /** @param project the environment variable `PROJECT` of the container */
  constructor(machine: NodeMachine, project: string) {
    this.#machine = machine;
    this.#project = project;
  }

  /** Writes every file once. @throws Error when one cannot be written */
  write(mirrors: Mirrors): void {
    const errors = hosts(mirrors).flatMap(([host, text]) =>
      this.#obstacle(host, text) === undefined ? this.#put(host, text) : [],
    );
    this.#createLink();
    if (errors.length > 0) throw new Error(errors.join('; '));
  }

  /** One round of the loop. @returns the lines that it logs */
  watch(mirrors: Mirrors, now: number): string[] {
    for (const [host, end] of this.#pauses) if (end <= now) this.#pauses.delete(host);
    const [events, errors]: [string[], string[]] = [[], []];
    const inPlace = new Map<string, string>();
    for (const [host, text] of hosts(mirrors)) {
      const current = this.#machine.readFile(pathOf(host));
      if (this.#obstacle(host, text) !== undefined) continue;
      if (current !== text) {
        if (this.#pauses.has(host)) continue;
        const wasChanged = this.#inPlace.get(host) === text;
        if (wasChanged && !this.#mayRestore(host, now)) continue;
        if (wasChanged) events.push(`restored ${pathOf(host)}, which another program removed or changed`);
        const failed = this.#put(host, text);
        errors.push(...failed);
        if (failed.length > 0) continue;
      }
      inPlace.set(host, text);
    }
    this.#inPlace = inPlace;
    events.push(...this.#deleteStale(mirrors));
    this.#createLink();
    const problems = [...errors, ...this.#problems(mirrors, now)];
    const mirrored = hosts(mirrors).map(([host]) => host);
    const expiry = new Date(Number(mirrors['expires_at']) * 1000);
    const state =
      problems.length > 0
        ? problems.join('; ')
        : `ready; mirrored: ${mirrored.join(' ')}; the token expires at ${utc(expiry)}`;
    const lines = [...events, state];
    if (lines.join('\n') === this.#lastState) return [];
    this.#lastState = state;
    return lines;
  }

  /** Why the agent is not ready; undefined when it is. The probe is a process of its own: it knows no pauses. */
  check(mirrors: Mirrors, now: number): string | undefined {
    const probe = new NodeAgent(this.#machine, this.#project);
    return probe.#problems(mirrors, now).join('; ') || undefined;
  }

  /** Removes everything that the agent wrote. @throws Error when that is impossible */
  remove(): void {
    for (const path of this.#managedFiles()) this.#machine.removeFile(path);
    if (this.#machine.isLink(defaultFolder)) this.#machine.removeFile(defaultFolder);
  }

  #problems(mirrors: Mirrors, now: number): string[] {
    const ofToken = tokenProblem(mirrors['expires_at'], now);
    const ofHosts = hosts(mirrors).map(([host, text]) => this.#hostProblem(host, text));
    return [ofToken, ...ofHosts].filter((problem) => problem !== undefined);
  }

  #hostProblem(host: string, text: string): string | undefined {
    const path = pathOf(host);
    const current = this.#machine.readFile(path);
    const obstacle = this.#obstacle(host, text);
    if (obstacle !== undefined || current === text) return obstacle;
    const problem =
      current === undefined ? `${path} is missing` : `${path} differs from the Secret node-access`;
    const end = this.#pauses.get(host);
    if (end === undefined) return problem;
    const why = `because another program removed or changed it ${maxRestores} times within an hour`;
    return `${problem} and is not restored before ${utc(new Date(end))}, ${why}`;
  }

  /** Why the file of a host must not be written. */
  #obstacle(host: string, text: string): string | undefined {
    if (!this.#isManaged(text)) return `the Secret node-access has no valid file for ${host}`;
    const path = pathOf(host);
    const current = this.#machine.readFile(path);
    if (this.#machine.isLink(path)) return `${path} is not a file that ecr-bootstrap manages`;
    if (current === undefined || this.#isManaged(current)) return undefined;
    const [line = ''] = current.split('\n');
    const shown = /^#[^=@]*$/.test(line) ? `, its first line is: ${line.slice(0, 80)}` : '';
    return `${path} is managed by another program${shown}`;
  }

  /** Deletes the files of hosts that the Secret no longer has. A Secret without expiry deletes nothing. */
  #deleteStale(mirrors: Mirrors): string[] {
    if (!isTime(mirrors['expires_at'])) return [];
    const stale = this.#managedFiles().filter((path) => !(hostOf(path) in mirrors));
    for (const path of stale) this.#machine.removeFile(path);
    return stale.map((path) => `deleted ${path}, because ${hostOf(path)} is no longer mirrored`);
  }

  #managedFiles(): string[] {
    return Object.entries(this.#machine.files)
      .filter(([path, text]) => path.endsWith('/hosts.toml') && this.#isManaged(text))
      .map(([path]) => path);
  }

  #isManaged(text: string): boolean {
    return text.split('\n')[0] === `# managed by ecr-bootstrap ${this.#project}`;
  }

  /** @returns the error, if any */
  #put(host: string, text: string): string[] {
    try {
      this.#machine.writeFile(pathOf(host), text);
      return [];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [`could not write ${pathOf(host)}: ${message.split(': ').at(-1)}`];
    }
  }

  #createLink(): void {
    if (this.#machine.readOnly || this.#machine.isLink(defaultFolder)) return;
    this.#machine.link(defaultFolder, folder);
  }

  #mayRestore(host: string, now: number): boolean {
    const recent = (this.#restores.get(host) ?? []).filter((at) => at > now - hour);
    if (recent.length >= maxRestores) {
      this.#pauses.set(host, now + hour);
      return false;
    }
    this.#restores.set(host, [...recent, now]);
    return true;
  }
}

const pathOf = (host: string): string => `${folder}/${host}/hosts.toml`;
const hostOf = (path: string): string => path.split('/').at(-2) ?? '';
const utc = (date: Date): string => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const isTime = (text = ''): boolean => /^[1-9]\d{0,10}$/.test(text);

/** The hosts in the Secret with their files, in order. Keys that are no host names are left out. */
const hosts = (mirrors: Mirrors): [string, string][] =>
  Object.entries(mirrors)
    .filter(([key]) => /^[a-z0-9][a-z0-9.-]*$/.test(key) && !key.includes('..'))
    .sort(([a], [b]) => (a < b ? -1 : 1));

function tokenProblem(expiresAt: string | undefined, now: number): string | undefined {
  if (!isTime(expiresAt)) return 'the Secret node-access has no valid expires_at';
  const expiry = Number(expiresAt) * 1000;
  const left = Math.floor((expiry - now) / 1000);
  if (left <= 0) return `the token expired at ${utc(new Date(expiry))} and was not renewed, so pulls fail`;
  if (left >= minLifeSeconds) return undefined;
  return `the token expires in ${duration(left)} and was not renewed`;
}

/** In steps of ten minutes, because the agent prints a line whenever this text changes. */
function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 600) * 10;
  if (minutes === 0) return 'less than 10 min';
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
