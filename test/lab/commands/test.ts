import { build } from '../build/build.ts';
import { say } from '../process.ts';
import { isCrio, selection } from '../versions.ts';
import { exec } from './exec.ts';
import { install } from './install.ts';
import { up } from './up.ts';

/**
 * What runs on versions other than the default: fresh, rotation, new namespace and node access. The last one needs the
 * operator that ecr-bootstrap installs: nodes cannot pull the image of another one from ECR under its public name.
 */
const nodeAccess = selection.otherOperator === undefined && !isCrio ? ['17-lost-images'] : [];
const shortSet = [
  ...['machine', 'protobuf'].map((name) => `test/lab/${name}.test.ts`),
  ...(isCrio ? ['test/lab/node-crio.test.ts'] : []),
  ...['01-fresh', '02-rotation', '03-new-namespace', ...nodeAccess].map(
    (file) => `test/scenarios/${file}.scenario.ts`,
  ),
];

/**
 * Runs the scenarios in the lab. Builds and starts it if necessary.
 * @param args for vitest; file names replace the set of the version
 */
export async function test(args: readonly string[]): Promise<void> {
  const isDefault = Object.keys(selection).length === 0;
  const namesFiles = args.some((arg) => !arg.startsWith('-'));
  await build();
  await up([]);
  await install();
  if (!isDefault) say(`Testing on ${JSON.stringify(selection)}`);
  await exec([
    ...['npx', 'vitest', 'run', '--project', 'lab', ...args],
    ...(isDefault || namesFiles ? [] : shortSet),
  ]);
}
