import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.ts';

/** The input of a tool: what to copy, and how to reach the registries. */
interface Task {
  /** A file with a source and a target reference in each line. */
  readonly list: string;
  /** Addresses of the registries. */
  readonly hosts: readonly string[];
  readonly isTls: boolean;
  /** Known to this product from ECR's account setting. */
  readonly refusesMounts: boolean;
}

export type CommandFor = (task: Task) => readonly string[];

/** The commands of other programs that copy one image. xargs adds the source and the target. */
const peers = {
  crane: () => ['crane', 'copy'],
  regctl: ({ hosts, isTls }) => {
    const plain = hosts.flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
    return ['regctl', ...(isTls ? [] : plain), 'image', 'copy'];
  },
  skopeo: ({ isTls }) => {
    const flags = `--all --quiet --retry-times 3 --src-tls-verify=${isTls} --dest-tls-verify=${isTls}`;
    return ['sh', '-c', `exec skopeo --insecure-policy copy ${flags} docker://"$0" docker://"$1"`];
  },
} satisfies Record<string, CommandFor>;
type Peer = keyof typeof peers;

/** How many processes of a peer run at once. */
const atOnce = 8;

export const toolNames = ['registry', 'crane', 'regctl', 'skopeo'] as const;
/** `registry:CHECKOUT` is the registry engine of another checkout of this repository; in results, `registry:COMMIT`. */
export type ToolName = (typeof toolNames)[number] | `registry:${string}`;

export const isPeer = (name: ToolName): name is Peer => name in peers;

export const isOtherBuild = (name: ToolName): name is `registry:${string}` => name.startsWith('registry:');

export function labelOf(name: ToolName): string {
  if (isPeer(name)) return `${name} × ${atOnce}`;
  return isOtherBuild(name) ? `ecr-bootstrap ${buildOf(name)}` : 'ecr-bootstrap';
}

/** The name of a tool in results, which are no place for paths. */
export function publicName(name: ToolName): ToolName {
  if (!isOtherBuild(name)) return name;
  const describe = ['-C', buildOf(name), 'describe', '--tags', '--always', '--dirty'];
  return `registry:${execFileSync('git', describe, { encoding: 'utf8' }).trim()}`;
}

/** The checkout of another build; in results, its commit. */
const buildOf = (name: `registry:${string}`): string => name.slice('registry:'.length);

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

/** Compiles the registry engine if the tool is one. */
export async function prepareTool(name: ToolName): Promise<CommandFor> {
  if (isPeer(name))
    return (task) => ['xargs', '-a', task.list, '-L', '1', '-P', String(atOnce), ...peers[name](task)];
  const script = await compileEngine(isOtherBuild(name) ? buildOf(name) : root);
  return ({ list, isTls, refusesMounts }) => [
    ...[process.execPath, script, '--list', list, '--protocol', isTls ? 'https' : 'http'],
    ...(refusesMounts ? ['--without-mounts'] : []),
  ];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const engineSource = 'bench/mirror/engine.ts';

/** Compiles the engine in the way the product is compiled. @returns the script's path */
export async function compileEngine(checkout = root): Promise<string> {
  // Below node_modules, Node finds the packages. Checkouts may share that folder by a symbolic link.
  const key = createHash('sha256').update(checkout).digest('hex').slice(0, 12);
  const output = join(checkout, 'node_modules/.cache/ecr-bootstrap-bench', key);
  await bundle([join(checkout, engineSource)], output);
  // Without this file, Node reads each file twice to detect its module format.
  writeFileSync(join(output, 'package.json'), '{ "type": "module" }\n');
  return join(output, `${parse(engineSource).name}.js`);
}

/** The versions of all programs in the benchmark, for the results. Fails if one is not installed. */
export function versionsOf(tools: readonly ToolName[]): Record<string, string> {
  const versions: Record<string, string> = { node: process.versions.node };
  for (const program of ['docker-registry', ...tools.filter(isPeer)]) {
    const flag = program === 'crane' || program === 'regctl' ? 'version' : '--version';
    const printed = execFileSync(program, [flag], { encoding: 'utf8' });
    versions[program] = /\d+\.\d+[\w.+]*/.exec(printed)?.[0] ?? 'unknown';
  }
  return versions;
}
