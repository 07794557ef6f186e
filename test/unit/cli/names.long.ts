import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCli } from '../../support/cli.ts';

it("refuses the name of any other Secret that exists after up as the pull secret's name", async () => {
  const cli = await openCli({}, { fast: true });
  try {
    const { code, stderr } = await cli.run('up --yes -q');
    expect(code, stderr).toBe(0);
    const names = cli.world.cluster.list('Secret', 'external-secrets').map(({ metadata }) => metadata.name);
    const others = names.filter((name) => name !== 'puller');
    expect(others.length).toBeGreaterThan(1);
    for (const name of others) {
      writeFileSync(join(cli.folder, 'names.yaml'), `pullSecret: { name: ${name} }\n`);
      const { document } = await cli.json('config -c names.yaml');
      expect(document.error, name).toMatchObject({
        code: 'config-invalid',
        why: expect.stringContaining(name) as string,
      });
    }
  } finally {
    await cli.close();
  }
});
