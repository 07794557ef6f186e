import { copyFileSync, createReadStream, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownVersion } from '../../src/core/paths.ts';
import { CleanDebian, noCleanDebian } from '../support/clean-debian.ts';
import { hasExecutable } from './platforms.ts';

const folder = inject('packages');
const obstacle = hasExecutable ? noCleanDebian() : 'needs Linux on x64';

/** What a new user tries first. */
const firstSteps = `
ecr-bootstrap version
ecr-bootstrap completion bash >completion.bash
bash -c 'source ./completion.bash && complete -p ecr-bootstrap'
ecr-bootstrap sandbox >sandbox.log 2>&1 &
until grep -q 'The sandbox runs' sandbox.log; do kill -0 $! && sleep 0.1; done
ecr-bootstrap sandbox up --yes
ecr-bootstrap sandbox status
`;

describe.skipIf(obstacle !== undefined)(`in a clean Debian${obstacle ? ` (${obstacle})` : ''}`, () => {
  let debian: CleanDebian;
  let server: Server;
  beforeAll(async () => {
    debian = await CleanDebian.create(['curl']);
    // The files of a release.
    server = createServer(({ url = '' }, response) => {
      createReadStream(join(folder, basename(url))).pipe(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
    debian.remove();
  });

  async function expectFirstSteps(where: CleanDebian, install: string): Promise<void> {
    const { code, output } = await where.run(install + firstSteps);
    expect(code, output).toBe(0);
    expect(output).toContain(`ecr-bootstrap  ${ownVersion()}`);
    expect(output).toContain('complete -F _ecr_bootstrap ecr-bootstrap');
    expect(output).toMatch(/^Healthy/m);
  }

  it('works with only Node after one `npm install`, which adds no other package', async () => {
    const withNode = await debian.copy();
    try {
      withNode.addNode();
      copyFileSync(
        join(folder, `ecr-bootstrap-${ownVersion()}.tgz`),
        join(withNode.folder, 'root/ecr-bootstrap.tgz'),
      );
      // Without a registry.
      await expectFirstSteps(withNode, 'npm_config_offline=true npm install -g ./ecr-bootstrap*.tgz');
      expect(readdirSync(join(withNode.folder, 'usr/local/lib/node_modules')).sort()).toEqual([
        'ecr-bootstrap',
        'npm',
      ]);
    } finally {
      withNode.remove();
    }
  });

  it('works with only curl and tar after install.sh', async () => {
    const { port } = server.address() as AddressInfo;
    const release = `http://127.0.0.1:${port}`;
    await expectFirstSteps(
      debian,
      `curl -fsS -o install.sh ${release}/install.sh
      ECR_BOOTSTRAP_RELEASE=${release} sh install.sh`,
    );
  });
});
