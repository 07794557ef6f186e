import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { operatorManifest } from '../../../src/sandbox/manifest/index.ts';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { hurried: true });
});
afterAll(() => cli.close());

const connected = 'power-user,image-puller,repositories,operator-image,image-puller-key';

async function succeed(line: string, env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await cli.run(line, { env });
  expect(code, `${line}: ${stderr}`).toBe(0);
  return stdout;
}

it(
  'a run on a machine with internet and one with the cluster leaves nothing to do',
  { timeout: 120_000 },
  async () => {
    const file = (name: string, text: string): string => {
      writeFileSync(join(cli.folder, name), text);
      return name;
    };
    const withoutCluster = { KUBECONFIG: join(cli.folder, 'none') };
    const list = file('images.txt', await succeed('images -q'));
    await succeed(`up --only ${connected} --platform linux/amd64`, withoutCluster);
    await succeed(`mirror --from-file ${list} --platform linux/amd64`, withoutCluster);
    const yaml = file('external-secrets.yaml', operatorManifest());
    for (const service of ['source', 'web'] as const) cli.world.faults.plan({ kind: 'reset', service });
    await succeed(`up --skip ${connected},images --manifest ${yaml}`);
    expect(await succeed(`up --dry-run --exit-code --manifest ${yaml}`)).toContain('Nothing would change.');
  },
);
