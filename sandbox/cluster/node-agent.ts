import { defaultFolder, type NodeMachine } from './node-machine.ts';
import type { Container, PodSpec } from './pods.ts';

const folder = '/etc/containerd/certs.d';
const hour = 3_600_000;
/** Milliseconds before the expiry of the token in which the agent is unready. */
const minLife = 3 * hour;
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
  readonly #managed: string;
  /** The text that the agent wrote last, by host. */
  readonly #written = new Map<string, string>();
  /** The times of restored files, by host. */
  readonly #restores = new Map<string, number[]>();

  /** @param project the environment variable `PROJECT` of the container */
  constructor(machine: NodeMachine, project: string) {
    this.#machine = machine;
    this.#managed = `# managed by ecr-bootstrap ${project}`;
  }

  /** Writes every file once. @throws Error when writing is impossible */
  write(mirrors: Mirrors): void {
    for (const [host, text] of hosts(mirrors)) {
      if (this.#isFree(host)) this.#put(host, text);
    }
    this.#machine.link(defaultFolder, folder);
  }

  /** One round of the loop. @returns the lines that it logs */
  watch(mirrors: Mirrors, now: number): string[] {
    const lines: string[] = [];
    for (const [host, text] of hosts(mirrors)) {
      const current = this.#machine.readFile(pathOf(host));
      if (current === text || !this.#isFree(host)) continue;
      const written = this.#written.get(host);
      const wasRemoved = written !== undefined && current !== written;
      if (wasRemoved && !this.#mayRestore(host, now)) continue;
      this.#put(host, text);
      lines.push(`${wasRemoved ? 'restored' : 'wrote'} ${pathOf(host)}`);
    }
    if (!this.#machine.isLink(defaultFolder)) this.#machine.link(defaultFolder, folder);
    return [...lines, ...this.#removeOthers(mirrors)];
  }

  /** Removes the managed files of hosts that the Secret no longer has. An incomplete Secret removes nothing. */
  #removeOthers(mirrors: Mirrors): string[] {
    if (!/^\d+$/.test(mirrors['expires_at'] ?? '')) return [];
    const wanted = hosts(mirrors).map(([host]) => pathOf(host));
    const stale = this.#managedFiles().filter((path) => !wanted.includes(path));
    for (const path of stale) this.#machine.removeFile(path);
    return stale.map((path) => `removed ${path}`);
  }

  /** Why the agent is not ready; undefined when it is. */
  check(mirrors: Mirrors, now: number): string | undefined {
    const problems = hosts(mirrors).map(([host, text]) => this.#fileProblem(host, text, now));
    return problems.find((problem) => problem !== undefined) ?? tokenProblem(mirrors['expires_at'], now);
  }

  #fileProblem(host: string, text: string, now: number): string | undefined {
    const current = this.#machine.readFile(pathOf(host));
    if (!this.#isFree(host)) {
      return `${pathOf(host)} is not managed by ecr-bootstrap, its first line is: ${current?.split('\n')[0]}`;
    }
    if (current === text) return undefined;
    if (this.#recent(host, now).length >= maxRestores) {
      return `another program keeps removing ${pathOf(host)}, it was restored ${maxRestores} times within an hour`;
    }
    return current === undefined ? `${pathOf(host)} is missing` : `${pathOf(host)} is outdated`;
  }

  /** Removes everything that the agent wrote. */
  remove(): void {
    for (const path of this.#managedFiles()) this.#machine.removeFile(path);
    if (this.#machine.isLink(defaultFolder)) this.#machine.removeFile(defaultFolder);
  }

  #managedFiles(): string[] {
    return Object.entries(this.#machine.files)
      .filter(([path, text]) => path.endsWith('/hosts.toml') && this.#isManaged(text))
      .map(([path]) => path);
  }

  /** Whether the file of a host is absent or managed by this project. */
  #isFree(host: string): boolean {
    const current = this.#machine.readFile(pathOf(host));
    return current === undefined || this.#isManaged(current);
  }

  #isManaged(text: string): boolean {
    return text.split('\n')[0] === this.#managed;
  }

  #put(host: string, text: string): void {
    this.#machine.writeFile(pathOf(host), text);
    this.#written.set(host, text);
  }

  #recent(host: string, now: number): number[] {
    return (this.#restores.get(host) ?? []).filter((at) => at > now - hour);
  }

  #mayRestore(host: string, now: number): boolean {
    const recent = this.#recent(host, now);
    if (recent.length >= maxRestores) return false;
    this.#restores.set(host, [...recent, now]);
    return true;
  }
}

const pathOf = (host: string): string => `${folder}/${host}/hosts.toml`;

/** The hosts in the Secret with their files, in order. Keys that are no host names are left out. */
const hosts = (mirrors: Mirrors): [string, string][] =>
  Object.entries(mirrors)
    .filter(([key]) => /^[a-z0-9][a-z0-9.-]*$/.test(key) && !key.includes('..'))
    .sort(([a], [b]) => (a < b ? -1 : 1));

function tokenProblem(expiresAt: string | undefined, now: number): string | undefined {
  if (expiresAt === undefined || !/^\d+$/.test(expiresAt)) return 'the expiry of the token is unknown';
  const left = Number(expiresAt) * 1000 - now;
  if (left <= 0) return 'the token has expired and was not renewed';
  if (left >= minLife) return undefined;
  const minutes = Math.floor(left / 60_000);
  return `the token expires in ${Math.floor(minutes / 60)} h ${minutes % 60} min and was not renewed`;
}
