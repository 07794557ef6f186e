import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { cache } from '../lab/paths.ts';
import { freePort, run } from './program.ts';
import { TestRegistry } from './registry.ts';

/** A real program in its own folder. {@link RunningProgram.stop} removes both. */
export interface RunningProgram {
  stop(): Promise<void>;
}

const running = promisify(execFile);

/** Runs a tool, and resolves to its output. */
export type Tool = (...args: readonly string[]) => Promise<string>;

/**
 * A tool of the PATH, or one that the lab has built. Skips the test, with the reason, on a machine without it.
 * @param folder its working folder and HOME
 */
export function needTool({ skip }: TestContext, tool: string, folder: string): Tool {
  const built = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith(`${tool}-`)) : [];
  const paths = [tool, ...built.map((name) => join(cache, name, tool)).filter(existsSync)];
  const path = paths.find((one) => {
    try {
      execFileSync(one, [tool === 'skopeo' ? '--version' : 'version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (path === undefined) skip(`${tool} is not installed`);
  const env = { ...process.env, HOME: folder };
  return async (...args) => (await running(path ?? tool, args, { cwd: folder, env, timeout: 60_000 })).stdout;
}

/** Starts Debian's docker-registry with TLS and Basic authentication on a free loopback port. */
export async function startRegistry(): Promise<
  RunningProgram & { readonly registry: TestRegistry; readonly folder: string }
> {
  const folder = await mkdtemp(join(tmpdir(), 'ecr-bootstrap-registry-'));
  const [port, ca] = await Promise.all([freePort(), makeCertificate(folder)]);
  const user = { username: 'pusher', password: randomBytes(16).toString('hex') };
  await writeFile(join(folder, 'htpasswd'), `${user.username}:${bcrypt(user.password)}\n`);
  const configFile = join(folder, 'config.json');
  const auth = { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } };
  await writeFile(configFile, JSON.stringify(registryConfig(folder, port, auth)));
  const program = run('docker-registry', ['serve', configFile], folder);
  const registry = new TestRegistry(`127.0.0.1:${port}`, ca, user);
  await program.until('answers', () => registry.answers());
  return {
    registry,
    folder,
    stop: async () => {
      await registry.close();
      await program.stop();
    },
  };
}

/**
 * The configuration of a registry that keeps its images in the folder, next to `cert.pem` and `key.pem`.
 * @param auth the `auth` section of the registry's configuration
 */
export const registryConfig = (folder: string, port: number, auth: object): object => ({
  version: 0.1,
  log: { level: 'warn' },
  storage: { filesystem: { rootdirectory: join(folder, 'data') } },
  http: {
    addr: `127.0.0.1:${port}`,
    secret: randomBytes(16).toString('hex'),
    tls: { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
  },
  auth,
});

/**
 * Starts a separate Docker engine. Needs root. It has no bridge and no firewall rules, because it runs no
 * containers. The engine does not check certificates of registries on loopback, so it does not need the test's CA.
 */
export async function startDocker(): Promise<RunningProgram & { readonly url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'ecr-bootstrap-docker-'));
  const socket = join(folder, 'docker.sock');
  await mkdir(join(folder, 'home'));
  const program = run(
    'dockerd',
    [
      ...['--host', `unix://${socket}`, '--pidfile', join(folder, 'pid')],
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--bridge', 'none', '--iptables=false', '--ip-forward=false', '--log-level', 'warn'],
    ],
    folder,
  );
  await program.until('listens', () => Promise.resolve(existsSync(socket)));
  return { url: `unix://${socket}`, stop: () => program.stop() };
}

/** Writes a self-signed `cert.pem` for loopback and its `key.pem`. @returns the certificate */
export async function makeCertificate(folder: string): Promise<string> {
  const subject = [
    '-subj',
    `/CN=${basename(folder)}`,
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
  ];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, ...subject, ...files], { stdio: 'ignore' });
  return readFile(join(folder, 'cert.pem'), 'utf8');
}

/**
 * bcrypt is the only hash that docker-registry accepts. Perl is part of every Debian, and its crypt supports
 * bcrypt.
 */
function bcrypt(password: string): string {
  const salt = `$2y$05$${randomBytes(11).toString('hex')}`;
  return execFileSync('perl', ['-e', 'my ($p, $s) = split " ", <STDIN>; print crypt($p, $s)'], {
    input: `${password} ${salt}`,
    encoding: 'utf8',
  });
}
