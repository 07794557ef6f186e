// Compares the time to start the program with bare Node, and measures an `up` with an empty plan in a sandbox.
// Runs alternate, so that other load on the machine affects both. Prints medians and their ratio.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startWorld } from '../sandbox/world.ts';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const rounds = Number(process.argv[2] ?? 20);
const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-bench-'));
const nothing = join(folder, 'nothing.mjs');
writeFileSync(nothing, '');
const printMemory = join(folder, 'memory.mjs');
writeFileSync(
  printMemory,
  "process.on('exit', () => process.stderr.write(`rss=${process.resourceUsage().maxRSS}`));",
);

/** Runs Node. Resolves to its time in milliseconds and what it wrote to stderr. */
async function node(args, env = process.env) {
  const started = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const [exitCode] = await once(child, 'close');
  if (exitCode !== 0) throw new Error(`${args.join(' ')}: exit code ${exitCode}\n${stderr}`);
  return { milliseconds: performance.now() - started, stderr };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** The peak of the memory in megabytes. */
async function memory(args, env) {
  const { stderr } = await node(['--import', printMemory, ...args], env);
  return Number(/rss=(\d+)$/.exec(stderr)?.[1]) / 1000;
}

async function alternate(lines) {
  const times = lines.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, line] of lines.entries()) times[index].push((await node(line)).milliseconds);
  }
  return times.map(median);
}

const row = (...cells) =>
  console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(24) : cell.padStart(10))).join(''));
const world = await startWorld();
try {
  const env = {
    ...world.environment(folder),
    ECR_BOOTSTRAP_CONFIG: devNull,
    ECR_BOOTSTRAP_PROJECT: 'bench',
    ECR_BOOTSTRAP_ACCOUNT_ID: world.account,
  };
  await node([cli, 'up', '--yes'], env);
  const [bare, help] = await alternate([[nothing], [cli, '--help']]);
  const ups = [];
  for (let round = 0; round < 5; round += 1) ups.push((await node([cli, 'up', '--yes'], env)).milliseconds);
  const printRow = async (name, milliseconds, args, environment) =>
    row(
      name,
      `${milliseconds.toFixed(0)} ms`,
      `${(milliseconds / bare).toFixed(1)} x`,
      `${(await memory(args, environment)).toFixed(0)} MB`,
    );
  row('', 'median', 'of node', 'memory');
  await printRow('node', bare, [nothing]);
  await printRow('ecr-bootstrap --help', help, [cli, '--help']);
  await printRow('ecr-bootstrap up (no-op)', median(ups), [cli, 'up', '--yes'], env);
} finally {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
}
