import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startWorld } from '../sandbox/world.ts';
import { spreadOf } from './mirror/results.ts';

/** `npm run bench -- [--rounds N] [CHECKOUT]`, where the checkout is another build. */
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '10' } },
  allowPositionals: true,
});

/** Makes Node print the peak of its memory in KiB. */
const printMemory = `data:text/javascript,process.on('exit',()=>process.stderr.write('rss='+process.resourceUsage().maxRSS))`;

const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-bench-'));
const world = await startWorld();
const env = {
  ...world.environment(folder),
  ECR_BOOTSTRAP_CONFIG: devNull,
  ECR_BOOTSTRAP_PROJECT: 'bench',
  ECR_BOOTSTRAP_ACCOUNT_ID: world.account,
};
try {
  await compareCommands(positionals[0], Number(values.rounds));
} finally {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
}

async function compareCommands(checkout: string | undefined, rounds: number): Promise<void> {
  const own = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
  const commands = [
    { name: 'node', args: ['--input-type=module', '--eval', ''], relativeTo: 'node' },
    { name: '--help', args: [own, '--help'], relativeTo: 'node' },
    { name: 'up', args: [own, 'up', '--yes'], relativeTo: 'node' },
  ];
  if (checkout !== undefined) {
    const other = join(checkout, 'dist/cli.js');
    commands.push(
      { name: `--help of ${checkout}`, args: [other, '--help'], relativeTo: '--help' },
      { name: `up of ${checkout}`, args: [other, 'up', '--yes'], relativeTo: 'up' },
    );
  }
  // Afterwards, up has nothing to do.
  await node([own, 'up', '--yes']);
  const times = new Map<string, number[]>(commands.map(({ name }) => [name, []]));
  // The commands take turns, so that other load on the machine affects all of them.
  for (let round = 0; round < rounds; round += 1)
    for (const { name, args } of commands) times.get(name)?.push((await node(args)).ms);
  printRow(['command', 'median', 'ratio', 'to', 'memory']);
  for (const { name, args, relativeTo } of commands) {
    const own = times.get(name) ?? [];
    const ratios = own.map((ms, round) => ms / (times.get(relativeTo)?.[round] ?? NaN));
    const { peakBytes } = await node(['--import', printMemory, ...args]);
    const [median, ratio] = [spreadOf(own).median.toFixed(0), spreadOf(ratios).median.toFixed(2)];
    printRow([name, `${median} ms`, ratio, relativeTo, `${(peakBytes / 1e6).toFixed(0)} MB`]);
  }
}

async function node(args: readonly string[]): Promise<{ readonly ms: number; readonly peakBytes: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0) throw new Error(`${args.join(' ')} exited with ${exitCode}:\n${stderr}`);
  return { ms: performance.now() - started, peakBytes: Number(/rss=(\d+)$/.exec(stderr)?.[1]) * 1024 };
}

function printRow([command = '', ...cells]: readonly string[]): void {
  process.stdout.write(`${command.padEnd(40)}${cells.map((cell) => cell.padStart(20)).join('')}\n`);
}
