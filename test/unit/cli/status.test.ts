import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { parseDocument } from '../../support/documents.ts';
import type { Clock } from '../../../src/core/clock.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

/** A clock on which Ctrl-C is pressed during the pause after so many looks. */
function interruptAfter(looks: number): { readonly clock: Clock; readonly signal: AbortSignal } {
  const interrupt = new AbortController();
  let seen = 0;
  return {
    signal: interrupt.signal,
    clock: {
      now: () => cli.world.clock.now(),
      sleep: (_, signal) => {
        seen += 1;
        if (seen === looks) interrupt.abort(new Error('Ctrl-C'));
        signal?.throwIfAborted();
        return Promise.resolve();
      },
    },
  };
}

const only = '--only repositories';

describe('status --watch', () => {
  it('ends on Ctrl-C with the exit code of the last look', async () => {
    const { code, stdout, stderr } = await cli.run(`status --watch ${only}`, interruptAfter(2));
    expect(code).toBe(3);
    expect(stdout.match(/^shop · /gm)).toHaveLength(2);
    expect(stdout).toContain('\n\nshop · ');
    expect(stderr).not.toContain('error');
  });

  it('prints one compact document per look with -o json', async () => {
    const { code, stdout } = await cli.run(`status --watch ${only} -o json`, interruptAfter(2));
    const lines = stdout.trimEnd().split('\n');
    const looks = lines.map(parseDocument);
    expect(code).toBe(3);
    expect(looks).toHaveLength(2);
    for (const look of looks) {
      expect(look).toMatchObject({
        ok: false,
        target: { project: 'shop' },
        status: {
          verdict: 'unhealthy',
          time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
          version: expect.stringMatching(/^\d/) as string,
          counts: { checks: 1, problems: 1, findings: { failed: 1 } },
        },
      });
    }
  });

  it.each([
    ['--wait', /cannot be used with/],
    ['-o prometheus', /metrics describe one look/],
  ])('is a usage error with %s', async (flag, reason) => {
    const { code, stderr } = await cli.run(`status --watch ${flag}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
  });
});

describe('status --wait', () => {
  it('gives up after 10 minutes, shows the status and says what is still unhealthy', async () => {
    const { clock } = cli.world;
    const start = clock.now();
    // Each pause takes twenty times as long, because hundreds of looks show no more than a few.
    const sleep = (milliseconds: number) => Promise.resolve(clock.advance(20 * milliseconds));
    const slow = { now: () => clock.now(), sleep };
    const { code, stdout, stderr } = await cli.run(`status --wait ${only}`, { clock: slow });
    expect(code).toBe(1);
    expect(clock.now() - start).toBeGreaterThanOrEqual(600_000);
    expect(stdout).toContain('Unhealthy: 1 problem (1 check).');
    expect(stderr).toMatch(/why: still unhealthy after 600 s: AWS/);
  });
});

describe('-o prometheus', () => {
  it('is refused by commands without metrics, before and after their name', async () => {
    for (const line of ['-o prometheus version', 'version -o prometheus']) {
      const { code, stderr } = await cli.run(line);
      expect({ line, code }).toEqual({ line, code: 2 });
      expect(stderr).toContain('Allowed choices are text, json.');
    }
  });

  it('reports that status could not run if the configuration is wrong', async () => {
    const { code, stdout } = await cli.run('status -o prometheus --region nowhere');
    expect(code).toBe(2);
    expect(stdout).toMatch(/^ecr_bootstrap_up 0$/m);
  });
});
