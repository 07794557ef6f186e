import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { createAws } from '../../../../src/clients/aws/index.ts';
import { createNet } from '../../../../src/clients/net/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('stops a credential_process that reads its standard input and so never exits', async () => {
  const file = join(folder, 'config');
  writeFileSync(file, '[profile vault]\ncredential_process = read pin\n');
  vi.stubEnv('AWS_CONFIG_FILE', file);
  const net = createNet(undefined, {}, () => 300);
  const aws = createAws({ region: 'eu-west-1', profile: 'vault', net });
  await expect(aws.identity()).rejects.toMatchObject({
    code: 'credentials-missing',
    what: 'could not get AWS credentials',
    hint: expect.stringContaining('aws sts get-caller-identity --profile vault') as string,
  });
  await net.close();
});
