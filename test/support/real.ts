import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { freePort, run } from './program.ts';
import { TestRegistry } from './registry.ts';

/** A real program in a folder of its own, both gone after {@link Part.stop}. */
export interface Part {
  stop(): Promise<void>;
}

/** Starts Debian's docker-registry with TLS and Basic authentication on a free port of loopback. */
export async function startRegistry(): Promise<
  Part & { readonly registry: TestRegistry; readonly folder: string }
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
 * Of a registry that keeps its images in the folder, with `cert.pem` and `key.pem` beside them.
 * @param auth who is let in, in the registry's own words
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
 * Starts a Docker engine of its own; wants root. No bridge and no firewall rules: nothing runs containers here.
 * The engine does not check certificates of registries on loopback, so it needs no authority of the test's.
 */
export async function startDocker(): Promise<Part & { readonly url: string }> {
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

/** Writes a self-signed `cert.pem` for loopback with its `key.pem`; resolves to the certificate. */
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

/** The only hash that docker-registry takes. Perl is part of every Debian, and its crypt knows bcrypt. */
function bcrypt(password: string): string {
  const salt = `$2y$05$${randomBytes(11).toString('hex')}`;
  return execFileSync('perl', ['-e', 'my ($p, $s) = split " ", <STDIN>; print crypt($p, $s)'], {
    input: `${password} ${salt}`,
    encoding: 'utf8',
  });
}
