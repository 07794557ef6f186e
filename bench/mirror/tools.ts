import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.ts';

export const toolNames = ['registry', 'crane', 'regctl', 'skopeo', 'docker', 'loop'] as const;
/** `registry:CHECKOUT` is the registry engine of another checkout of this repository. */
export type ToolName = (typeof toolNames)[number] | `registry:${string}`;

/** Other programs that copy from registry to registry. */
export const peers: readonly ToolName[] = ['crane', 'regctl', 'skopeo'];
/** These work through a Docker engine. */
export const dockerTools: readonly ToolName[] = ['docker', 'loop'];

/** @throws TypeError for an unknown tool */
export function toolNamed(text: string): ToolName {
  const found = toolNames.find((name) => name === text);
  if (found) return found;
  const [, checkout] = /^registry:(.+)$/.exec(text) ?? [];
  if (checkout === undefined)
    throw new TypeError(`unknown tool ${text}: choose from ${toolNames.join(', ')}`);
  if (!existsSync(join(checkout, engineSource))) throw new TypeError(`${checkout} has no ${engineSource}`);
  return `registry:${resolve(checkout)}`;
}

const atOnce = 8;

const descriptions: Readonly<Record<(typeof toolNames)[number], string>> = {
  registry: 'ecr-bootstrap, registry engine',
  docker: 'ecr-bootstrap, docker engine',
  crane: `crane copy, ${atOnce} at once`,
  regctl: `regctl image copy, ${atOnce} at once`,
  skopeo: `skopeo copy --all, ${atOnce} at once`,
  loop: 'docker pull, tag, push in a loop',
};

export const describeTool = (name: ToolName): string =>
  name in descriptions ? descriptions[name as keyof typeof descriptions] : name;

/** The input of a tool: what to copy, and how to reach the registries. */
export interface Task {
  /** A file with a source and a target reference in each line. */
  readonly list: string;
  /** The same list with `docker://` before each reference. */
  readonly dockerList: string;
  /** Addresses of the registries. */
  readonly hosts: readonly string[];
  readonly isTls: boolean;
  /** Address of a Docker engine, for the tools that work through one. */
  readonly dockerHost: string | undefined;
}

export type CommandFor = (task: Task) => readonly string[];

/** Builds what a tool needs. */
export function prepareTool(name: ToolName): CommandFor {
  switch (name) {
    case 'crane': {
      const crane = buildPeer(name);
      return ({ list }) => forEach(list, atOnce, [crane, 'copy']);
    }
    case 'regctl': {
      const regctl = buildPeer(name);
      return ({ list, hosts, isTls }) => {
        const plain = hosts.flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
        return forEach(list, atOnce, [regctl, ...(isTls ? [] : plain), 'image', 'copy']);
      };
    }
    case 'skopeo':
      return ({ dockerList, isTls }) => {
        const verify = ['--src-tls-verify', '--dest-tls-verify'].map((flag) => `${flag}=${isTls}`);
        const skopeo = ['skopeo', '--insecure-policy', 'copy', '--all', '-q', ...verify];
        return forEach(dockerList, atOnce, skopeo);
      };
    case 'loop': {
      const script = 'docker pull -q "$1" && docker tag "$1" "$2" && docker push -q "$2"';
      return ({ list }) => forEach(list, 1, ['sh', '-c', script, 'loop']);
    }
    default: {
      const [engine = '', checkout = root] = /^(\w+):?(.+)?$/.exec(name)?.slice(1) ?? [];
      const script = compile(engineSource, checkout);
      return ({ list, isTls, dockerHost }) => [
        ...[process.execPath, script, '--engine', engine, '--list', list],
        ...['--protocol', isTls ? 'https' : 'http'],
        ...(dockerHost === undefined ? [] : ['--docker-host', dockerHost]),
      ];
    }
  }
}

/** Runs a program once for each line of a list. */
const forEach = (list: string, concurrency: number, command: readonly string[]): string[] => [
  ...['xargs', '-a', list, '-L', '1', '-P', String(concurrency)],
  ...command,
];

const root = fileURLToPath(new URL('../..', import.meta.url));
export const engineSource = 'bench/mirror/engine.ts';

/** Compiles a program of the benchmark in the way the product is compiled. @returns the script's path */
export function compile(source: string, checkout = root): string {
  // Below node_modules, Node finds the packages. Checkouts may share that folder by a symbolic link.
  const key = createHash('sha256').update(checkout).digest('hex').slice(0, 12);
  const output = join(checkout, 'node_modules/.cache/ecr-bootstrap-bench', key);
  bundle([join(checkout, source)], output);
  // Without this file, Node reads each file twice to detect its module format.
  writeFileSync(join(output, 'package.json'), '{ "type": "module" }\n');
  return join(output, `${parse(source).name}.js`);
}

/** Peers without a Debian package, at fixed versions. */
const modules = {
  crane: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1',
  regctl: 'github.com/regclient/regclient/cmd/regctl@v0.11.7',
};
const versionOfPeer = (name: keyof typeof modules): string => modules[name].split('@v')[1] ?? '';

/** Builds a peer from the Go module proxy into the user's cache, unless it is there. @returns the program's path */
function buildPeer(name: keyof typeof modules): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'ecr-bootstrap-bench', `${name}-v${versionOfPeer(name)}`);
  if (!existsSync(join(folder, name))) {
    mkdirSync(folder, { recursive: true });
    execFileSync('go', ['install', modules[name]], {
      env: { ...process.env, GOBIN: folder },
      stdio: 'inherit',
    });
  }
  return join(folder, name);
}

/** The versions of all programs in the benchmark, for the results. */
export function versionsOf(tools: readonly ToolName[]): Record<string, string> {
  const version = (program: string) =>
    /\d+\.\d+[\w.+]*/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown';
  return {
    node: process.versions.node,
    ...(tools.includes('crane') && { crane: versionOfPeer('crane') }),
    ...(tools.includes('regctl') && { regctl: versionOfPeer('regctl') }),
    ...(tools.includes('skopeo') && { skopeo: version('skopeo') }),
    ...(tools.some((tool) => dockerTools.includes(tool)) && { docker: version('dockerd') }),
    'docker-registry': version('docker-registry'),
  };
}
