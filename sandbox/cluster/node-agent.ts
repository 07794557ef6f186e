import { configuredLoginFile, configuredPrefixes } from './crio.ts';
import { defaultFolder, type NodeMachine } from './node-machine.ts';
import type { Container, PodSpec } from './pods.ts';

const folder = '/etc/containerd/certs.d';
const registries = '/etc/containers/registries.conf.d';
const loginFile = '/etc/crio/ecr-bootstrap-auth.json';
const settingsFile = '/etc/crio/crio.conf.d/ecr-bootstrap.conf';
const hour = 3_600_000;
/** The agent is unready when its token has less time left. */
const minLifeSeconds = 3 * 3600;
/** How often within an hour the agent restores the file of a host. */
const maxRestores = 3;

export type AgentMode = 'write' | 'watch' | 'check' | 'remove';

/** The mode of a container that runs the node agent: `sh /scripts/node-access.sh MODE`, or inline when it removes files. */
export function agentMode(container: Container, { volumes = [] }: PodSpec): AgentMode | undefined {
  const mode = modeOf(container.command);
  const paths = volumes
    .filter(({ hostPath }) => hostPath?.path === '/etc/containerd')
    .map(({ name }) => name);
  return container.volumeMounts?.some(({ name }) => paths.includes(name)) ? mode : undefined;
}

/** Whether a pod has the folders of CRI-O. */
export const hasCrioFolders = ({ volumes = [] }: PodSpec): boolean =>
  ['/etc/containers', '/etc/crio'].every((path) => volumes.some(({ hostPath }) => hostPath?.path === path));

function modeOf([shell, ...args]: readonly string[] = []): AgentMode | undefined {
  const isScript = args[0] === '/scripts/node-access.sh' || (args[0] === '-c' && args[2] === 'node-access');
  if (shell !== 'sh' || !isScript) return undefined;
  return (['write', 'watch', 'check', 'remove'] as const).find((one) => one === args.at(-1));
}

/** Whether the readiness probe of a container is the agent's check. */
export const hasAgentProbe = ({ readinessProbe }: Container): boolean =>
  modeOf(readinessProbe?.exec?.command) === 'check';

/** The text of the Secret that the agent mounts, by key. */
export type Mirrors = Readonly<Record<string, string>>;

interface WantedFile {
  readonly path: string;
  readonly text: string;
  /** Why it cannot be written. */
  readonly invalid?: string;
  /** The upstream host of a file of CRI-O. */
  readonly registry?: string;
}

/** A model of the node agent: keeps the files of a node equal to those that follow from the mounted Secret. */
export class NodeAgent {
  readonly #machine: NodeMachine;
  readonly #project: string;
  readonly #onCrio: boolean;
  /** The files that were in place after the last round, by path. */
  #inPlace = new Map<string, string>();
  /** The times of restored files, by path. */
  readonly #restores = new Map<string, number[]>();
  /** Until when a file is not restored, by path. */
  readonly #pauses = new Map<string, number>();
  #lastState = '';

  /**
   * @param project the environment variable `PROJECT` of the container
   * @param onCrio whether the container runs on CRI-O, and has its folders
   */
  constructor(machine: NodeMachine, project: string, onCrio = false) {
    this.#machine = machine;
    this.#project = project;
    this.#onCrio = onCrio;
  }

  /** Writes every file once. @throws Error when one cannot be written */
  write(mirrors: Mirrors): void {
    const errors = this.#wanted(mirrors).flatMap((file) =>
      this.#obstacle(file) === undefined ? this.#put(file) : [],
    );
    this.#createLink();
    if (errors.length > 0) throw new Error(errors.join('; '));
  }

  /** One round of the loop. @returns the lines that it logs */
  watch(mirrors: Mirrors, now: number): string[] {
    for (const [path, end] of this.#pauses) if (end <= now) this.#pauses.delete(path);
    const [events, errors]: [string[], string[]] = [[], []];
    const inPlace = new Map<string, string>();
    for (const file of this.#wanted(mirrors)) {
      const { path, text } = file;
      const current = this.#machine.readFile(path);
      if (this.#obstacle(file) !== undefined) continue;
      if (current !== text) {
        if (this.#pauses.has(path)) continue;
        const wasChanged = this.#inPlace.get(path) === text;
        if (wasChanged && !this.#mayRestore(path, now)) continue;
        if (wasChanged) events.push(`restored ${path}, which another program removed or changed`);
        const failed = this.#put(file);
        errors.push(...failed);
        if (failed.length > 0) continue;
      }
      inPlace.set(path, text);
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
    const probe = new NodeAgent(this.#machine, this.#project, this.#onCrio);
    return probe.#problems(mirrors, now).join('; ') || undefined;
  }

  /** Removes everything that the agent wrote. @throws Error when that is impossible */
  remove(): void {
    for (const path of this.#managedFiles()) this.#machine.removeFile(path);
    for (const path of [settingsFile, loginFile])
      if (this.#isManaged(this.#machine.readFile(path) ?? '')) this.#machine.removeFile(path);
    if (this.#machine.isLink(defaultFolder)) this.#machine.removeFile(defaultFolder);
  }

  #problems(mirrors: Mirrors, now: number): string[] {
    const ofToken = tokenProblem(mirrors['expires_at'], now);
    const ofFiles = this.#wanted(mirrors).map((file) => this.#fileProblem(file));
    return [ofToken, ...ofFiles].filter((problem) => problem !== undefined);
  }

  #fileProblem(file: WantedFile): string | undefined {
    const { path, text } = file;
    const current = this.#machine.readFile(path);
    const obstacle = this.#obstacle(file);
    if (obstacle !== undefined || current === text) return obstacle;
    const problem =
      current === undefined ? `${path} is missing` : `${path} differs from the Secret node-access`;
    const end = this.#pauses.get(path);
    if (end === undefined) return problem;
    const why = `because another program removed or changed it ${maxRestores} times within an hour`;
    return `${problem} and is not restored before ${utc(new Date(end))}, ${why}`;
  }

  /** The files that the node shall have. Those of CRI-O are made from the files in the Secret. */
  #wanted(mirrors: Mirrors): readonly WantedFile[] {
    const checked = hosts(mirrors).map(([host, text]) => {
      const [, registry, path] =
        /^server = "https:\/\/([a-z0-9.:-]+)\/v2\/([a-z0-9._/-]+)"$/m.exec(text) ?? [];
      const [, login] = /^Authorization = "Basic ([A-Za-z0-9+/=]+)"$/m.exec(text) ?? [];
      const isValid = this.#isManaged(text) && (!this.#onCrio || (path !== undefined && login !== undefined));
      const invalid = isValid ? {} : { invalid: `the Secret node-access has no valid file for ${host}` };
      return { host, text, location: `${registry}/${path}`, login, ...invalid };
    });
    if (!this.#onCrio) return checked.map(({ host, ...file }) => ({ ...file, path: pathOf(host) }));
    const files = checked.map(({ host, location, ...file }) => ({
      ...file,
      path: `${registries}/ecr-bootstrap-${host}.conf`,
      text: `${this.#mark}\n[[registry]]\nprefix = "${host}"\nlocation = "${location}"\n`,
      registry: host,
    }));
    const valid = checked.filter((file) => !('invalid' in file));
    if (valid.length === 0) return files;
    const auths = valid.map(({ location, login }) => `"${location}": {"auth": "${login}"}`);
    const settings = `auto_reload_registries = true\nglobal_auth_file = "${loginFile}"\n`;
    return [
      { path: loginFile, text: `${this.#loginMark}\n"auths": {\n${auths.join(',\n')}}}\n` },
      { path: settingsFile, text: `${this.#mark}\n[crio.image]\n${settings}` },
      ...files,
    ];
  }

  /** Why a file must not be written. */
  #obstacle({ path, invalid, registry }: WantedFile): string | undefined {
    if (invalid !== undefined) return invalid;
    const current = this.#machine.readFile(path);
    if (this.#machine.isLink(path)) return `${path} is not a file that ecr-bootstrap manages`;
    if (current === undefined || this.#isManaged(current)) return this.#otherSetting(path, registry);
    const [line = ''] = current.split('\n');
    const shown = /^#[^=@]*$/.test(line) ? `, its first line is: ${line.slice(0, 80)}` : '';
    return `${path} is managed by another program${shown}`;
  }

  /** What another program has configured in CRI-O that a file would replace. */
  #otherSetting(path: string, registry: string | undefined): string | undefined {
    const others = Object.entries(this.#machine.files).filter(([, text]) => !this.#isManaged(text));
    if (registry !== undefined) {
      const [file] = others.find(([, text]) => configuredPrefixes(text).includes(registry)) ?? [];
      return file === undefined ? undefined : `${file} has an entry for ${registry}`;
    }
    if (path !== settingsFile) return undefined;
    const [file] = others.find(([, text]) => configuredLoginFile(text) !== '') ?? [];
    return file === undefined ? undefined : `${file} sets global_auth_file`;
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
      .filter(([path, text]) => hostOf(path) !== '' && this.#isManaged(text))
      .map(([path]) => path);
  }

  get #mark(): string {
    return `# managed by ecr-bootstrap ${this.#project}`;
  }

  get #loginMark(): string {
    return `{"//": "managed by ecr-bootstrap ${this.#project}",`;
  }

  #isManaged(text: string): boolean {
    return [this.#mark, this.#loginMark].includes(text.split('\n')[0] ?? '');
  }

  /** @returns the error, if any */
  #put({ path, text }: WantedFile): string[] {
    try {
      this.#machine.writeFile(path, text);
      return [];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [`could not write ${path}: ${message.split(': ').at(-1)}`];
    }
  }

  #createLink(): void {
    if (this.#onCrio) return;
    if (this.#machine.readOnly || this.#machine.isLink(defaultFolder)) return;
    this.#machine.link(defaultFolder, folder);
  }

  #mayRestore(path: string, now: number): boolean {
    const recent = (this.#restores.get(path) ?? []).filter((at) => at > now - hour);
    if (recent.length >= maxRestores) {
      this.#pauses.set(path, now + hour);
      return false;
    }
    this.#restores.set(path, [...recent, now]);
    return true;
  }
}

const pathOf = (host: string): string => `${folder}/${host}/hosts.toml`;
/** Empty for other files. */
const hostOf = (path: string): string =>
  /\/([^/]+)\/hosts\.toml$/.exec(path)?.[1] ?? /\/ecr-bootstrap-([^/]+)\.conf$/.exec(path)?.[1] ?? '';
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
