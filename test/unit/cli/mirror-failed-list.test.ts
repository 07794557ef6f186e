import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import { openCli, type Cli } from '../../support/cli.ts';
import { makeImage } from '../../support/images.ts';
import { OciServer } from '../../support/oci-server.ts';

let cli: Cli;
let source: OciServer;
beforeAll(async () => {
  [cli, source] = await Promise.all([openCli(), OciServer.start()]);
  source.put('team/app', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['one'])]);
});
afterAll(() => Promise.all([cli.close(), source.close()]));

const flags = '--platform all --engine registry';

/** After Ctrl-C. */
const interruption = new BootstrapError({
  code: 'interrupted',
  what: 'finish the run',
  why: 'the run was interrupted',
  hint: 'Run it again.',
});

describe('the file of --failed-to', () => {
  it('is created with its folder', async () => {
    const { code } = await cli.run(`mirror nginx:bad:tag ${flags} --failed-to lists/today/left.txt`);
    expect(code).toBe(1);
    expect(readFileSync(join(cli.folder, 'lists/today/left.txt'), 'utf8')).toBe('nginx:bad:tag\n');
  });

  it.each(['.', 'plain/left.txt'])(
    'ends the run before any work when it cannot be written (%s)',
    async (name) => {
      writeFileSync(join(cli.folder, 'plain'), '');
      const asked = cli.world.faults.calls.length;
      const { code, document } = await cli.json(
        `mirror ${source.host}/team/app:1 ${flags} --failed-to ${name}`,
      );
      expect(code).toBe(2);
      expect(document.error).toMatchObject({ code: 'file-unwritable', what: `could not write ${name}` });
      expect(cli.world.faults.calls.length).toBe(asked);
    },
  );

  it.each([
    ['that images failed', 'absent/app:1', 'mirror-incomplete'],
    ['the interruption', 'team/app:1', 'interrupted'],
    ['that it cannot be written', 'team/app:1', 'file-unwritable'],
  ])('that cannot be written at the end does not hide %s', async (_case, image, ending) => {
    const interrupt = new AbortController();
    const stop = cli.world.faults.onCall(({ service }) => {
      mkdirSync(join(cli.folder, `${ending}.txt`), { recursive: true });
      if (ending === 'interrupted' && service === 'registry') interrupt.abort(interruption);
    });
    const line = `mirror ${source.host}/${image} ${flags} --failed-to ${ending}.txt`;
    const { document } = await cli.json(line, { signal: interrupt.signal });
    stop();
    expect(document.error?.code).toBe(ending);
    // An interruption is announced first.
    const last = (document['warnings'] as readonly string[] | undefined)?.at(-1) ?? '';
    expect(last.includes(`${ending}.txt`)).toBe(ending !== 'file-unwritable');
  });
});
