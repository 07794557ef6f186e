import { expect, it } from 'vitest';
import { controlUrl } from '../../../sandbox/world.ts';
import { openCli } from '../../support/cli.ts';
import { dispatcher, send } from './support.ts';

it('renews the tokens of pods and nodes while its time is advanced by more than their lifetime', async () => {
  const cli = await openCli({}, { fast: true });
  const through = dispatcher(cli.world);
  try {
    expect((await cli.run('up --yes')).code).toBe(0);
    const { status } = await send(through, 'POST', `${controlUrl}?advance=${13 * 3_600_000}`);
    expect(status).toBe(200);
    expect(cli.world.clock.offset).toBeGreaterThanOrEqual(13 * 3_600_000);
    const { code, stdout } = await cli.run('status');
    expect(code, stdout).toBe(0);
  } finally {
    await through.close();
    await cli.close();
  }
});
