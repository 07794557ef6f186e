import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { say } from '../../lab/process.ts';
import type { TargetName } from './target.ts';
import { offers } from './targets/index.ts';
import { installMoto } from './targets/moto.ts';
import { kubernetesIsBuilt } from './targets/kubernetes.ts';

/** Whether a program is on the PATH. */
const has = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));

/** What this machine lacks for each target; undefined if the target can run. */
const lacks: Readonly<Record<TargetName, () => string | undefined>> = {
  sandbox: () => undefined,
  moto: () => (has('python3') ? undefined : 'python3 with venv'),
  'docker-registry': () => (has('docker-registry') ? undefined : "Debian's docker-registry"),
  kubernetes: () => (kubernetesIsBuilt() ? undefined : 'the parts that `npm run lab:build` makes'),
  aws: () => 'an account that you name: see CONTRIBUTING.md',
};
const names = Object.keys(offers) as TargetName[];

/** Separates `--target NAME` from the arguments for vitest. */
function read(args: readonly string[]): { readonly chosen: readonly TargetName[]; readonly rest: string[] } {
  const chosen: TargetName[] = [];
  const rest: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    if (argument !== '--target') {
      rest.push(argument);
      continue;
    }
    index += 1;
    const name = names.find((one) => one === args[index]);
    if (!name) throw new Error(`--target takes one of ${names.join(', ')}`);
    chosen.push(name);
  }
  return { chosen, rest };
}

const { chosen, rest } = read(process.argv.slice(2));
const able = names.filter((name) => lacks[name]() === undefined);
const targets = chosen.length > 0 ? chosen : able;
for (const name of names.filter((one) => chosen.length === 0 && !able.includes(one))) {
  say(`left out: ${name}, for want of ${lacks[name]() ?? ''}`);
}
const lacking = targets.filter((name) => name !== 'aws' && !able.includes(name));
if (lacking.length > 0) {
  for (const name of lacking) say(`${name} cannot run here, for want of ${lacks[name]() ?? ''}`);
  process.exitCode = 2;
} else {
  if (targets.includes('moto')) await installMoto();
  const reporters = rest.some((argument) => argument.startsWith('--reporter')) ? [] : ['--reporter=default'];
  const args = ['vitest', 'run', '--project', 'contract', ...reporters, ...rest];
  const { status } = spawnSync('npx', [...args, '--reporter=./test/contract/wire/table-reporter.ts'], {
    stdio: 'inherit',
    env: { ...process.env, CONTRACT_TARGETS: targets.join(',') },
  });
  process.exitCode = status ?? 1;
}
