import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type PluginSettings, runPlugin } from '../../../../src/clients/kubernetes/exec-plugin.ts';

const run = (script: string, settings: Partial<PluginSettings> = {}) =>
  runPlugin(
    { command: 'sh', args: ['-c', script], ...settings },
    { timeoutMs: 30_000, signal: new AbortController().signal },
  );

const credentials = `echo '{"status":{"token":"T"}}'`;

it('gives a plugin an empty standard input when there is no terminal', async () => {
  expect(await run(`echo PIN: >&2; read pin; ${credentials}`)).toEqual({
    headers: { Authorization: 'Bearer T' },
  });
});

it('reports to a plugin that there is no terminal', async () => {
  const script = `echo "$KUBERNETES_EXEC_INFO" >&2; exit 1`;
  await expect(run(script)).rejects.toThrow('"interactive":false');
});

it('does not start a plugin that needs a terminal when there is none', async () => {
  await expect(run(credentials, { interactiveMode: 'Always' })).rejects.toThrow(
    'sh needs a terminal (interactiveMode: Always), and there is none',
  );
});

it.each([
  ['neither JSON nor YAML', 'echo "{my-secret-token"', 'the output of sh is neither JSON nor YAML'],
  ['a word', 'echo my-secret-token', 'sh printed no credentials'],
  ['null', 'echo null', 'sh printed no credentials'],
  ['no status', `echo '{"kind":"ExecCredential"}'`, 'sh printed no credentials'],
  ['a token that is not a string', `echo '{"status":{"token":12}}'`, 'sh printed no credentials'],
])('rejects a plugin whose output is %s', async (_, script, message) => {
  await expect(run(script)).rejects.toThrow(message);
});

it.each(['args', 'env'])('rejects settings whose %s is not a list', async (field) => {
  const settings = { [field]: { PIN: '1234' } } as Partial<PluginSettings>;
  await expect(run(credentials, settings)).rejects.toThrow(
    `${field} of the exec plugin in the kubeconfig is not a list`,
  );
});

it('returns the client certificate and key of a plugin', async () => {
  const status = { clientCertificateData: 'CERT', clientKeyData: 'KEY' };
  expect(await run(`echo '${JSON.stringify({ status })}'`)).toEqual({
    headers: {},
    cert: 'CERT',
    key: 'KEY',
  });
});

it('reads a plugin whose output is YAML', async () => {
  expect(await run(`printf 'kind: ExecCredential\\nstatus:\\n  token: T\\n'`)).toEqual({
    headers: { Authorization: 'Bearer T' },
  });
});

it('looks up the name of a plugin in PATH, and a path relative to the kubeconfig', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exec-plugin-'));
  for (const name of ['sh', 'plugin'])
    writeFileSync(join(folder, name), `#!/bin/sh\n${credentials}\n`, { mode: 0o755 });
  const given = { headers: { Authorization: 'Bearer T' } };
  expect(await run('', { command: './plugin', folder })).toEqual(given);
  expect(await run('', { command: join(folder, 'plugin'), folder: '/nowhere' })).toEqual(given);
  await expect(run('exit 3', { folder })).rejects.toThrow('sh ended with status 3');
  rmSync(folder, { recursive: true });
});
