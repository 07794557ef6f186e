import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineAddress } from './address.ts';
import { contextAddress, currentDockerContext } from './contexts.ts';
import { readTls } from './tls.ts';

export interface AddressOptions {
  /** An address given to this program. It takes precedence over everything else. */
  readonly host?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

/** The context name that means "no context": DOCKER_HOST or the default socket. */
const defaultContext = 'default';

/**
 * Finds the engine as the docker command does: an explicit address, DOCKER_HOST, DOCKER_CONTEXT, the current
 * context of the docker config, and the first default socket that exists.
 */
export async function resolveAddress({ host, env, home }: AddressOptions): Promise<EngineAddress> {
  const configDir = env['DOCKER_CONFIG'] || join(home, '.docker');
  if (host) return fromHost(host, 'given address', configDir, env);
  const dockerHost = env['DOCKER_HOST'];
  if (dockerHost) return fromHost(dockerHost, 'DOCKER_HOST', configDir, env);
  const context = env['DOCKER_CONTEXT'] || (await currentDockerContext(configDir));
  if (context && context !== defaultContext) return contextAddress(configDir, context);
  return { url: `unix://${findSocket(env, home)}`, origin: 'default socket' };
}

async function fromHost(
  host: string,
  origin: string,
  configDir: string,
  env: NodeJS.ProcessEnv,
): Promise<EngineAddress> {
  const url = host.includes('://') ? host : `tcp://${host}`;
  const verify = Boolean(env['DOCKER_TLS_VERIFY']);
  if (!url.startsWith('tcp://') || !(verify || env['DOCKER_TLS'])) return { url, origin };
  return { url, origin, tls: await readTls(env['DOCKER_CERT_PATH'] || configDir, verify) };
}

function findSocket(env: NodeJS.ProcessEnv, home: string): string {
  return defaultSockets(env, home).find((path) => existsSync(path)) ?? systemSocket;
}

const systemSocket = '/var/run/docker.sock';

/** The engines' default sockets: system, rootless, Docker Desktop, Colima, OrbStack, Rancher Desktop. */
function defaultSockets(env: NodeJS.ProcessEnv, home: string): readonly string[] {
  const runtimeDir = env['XDG_RUNTIME_DIR'];
  return [
    systemSocket,
    ...(runtimeDir ? [join(runtimeDir, 'docker.sock')] : []),
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
    join(env['COLIMA_HOME'] || join(home, '.colima'), 'default/docker.sock'),
    join(home, '.config/colima/default/docker.sock'),
    join(home, '.orbstack/run/docker.sock'),
    join(home, '.rd/docker.sock'),
  ];
}
