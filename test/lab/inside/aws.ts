/** The lab's AWS in its own process: the sandbox's account, served over TLS under the real host names. */
import { appendFile, readFile } from 'node:fs/promises';

import { startSandbox } from '../../../sandbox/index.ts';
import type { Call, Fault } from '../../../sandbox/faults.ts';
import { describeAccount, resetAccount } from '../../scenarios/account.ts';
import { account, addresses, region } from '../names.ts';
import { serveControl } from './control.ts';
import { writeCredentials } from './laptop.ts';
import { logRequests } from './requests.ts';

const [key = '', certificate = '', home = '', socket = '', log = '', requestLog = ''] = process.argv.slice(2);

const sandbox = await startSandbox({ account, region });
sandbox.faults.onCall((call) => {
  const line = { time: new Date().toISOString(), ...call };
  void appendFile(log, `${JSON.stringify(line)}\n`);
});
logRequests(sandbox.hosts, () => sandbox.aws.registry.tokens.givenOut, requestLog);
await sandbox.serveAt({
  address: addresses.aws,
  port: 443,
  key: await readFile(key, 'utf8'),
  certificate: await readFile(certificate, 'utf8'),
});
await writeCredentials(home, sandbox.admin);

const planned = new Map<string, () => void>();
await serveControl(socket, {
  'GET /health': () => 'ok',
  /** Sets the lifetime of new ECR tokens in seconds. */
  'POST /token-lifetime': (seconds) => {
    sandbox.aws.registry.tokens.life = Number(seconds) * 1000;
  },
  'GET /account': () => describeAccount(sandbox),
  'POST /reset': () => {
    resetAccount(sandbox);
  },
  /** Every secret that was ever issued. */
  'GET /secrets': () => [...sandbox.aws.identities.givenOut, ...sandbox.aws.registry.tokens.givenOut],
  /** The number of such requests so far. */
  'POST /count': (request) => {
    const wanted = Object.entries(request as Partial<Call>) as [keyof Call, unknown][];
    return sandbox.faults.calls.filter((call) => wanted.every(([field, value]) => call[field] === value))
      .length;
  },
  /** Injects a fault from now on. */
  'POST /faults': (fault) => {
    planned.set(JSON.stringify(fault), sandbox.faults.plan(fault as Fault));
  },
  /** Removes all faults. */
  'DELETE /faults': () => {
    for (const end of planned.values()) end();
    planned.clear();
  },
});
