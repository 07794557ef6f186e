import { Agent } from 'node:https';
import type Docker from 'dockerode';
import type { EngineAddress } from './address.ts';
import { dockerUnreachable } from './errors.ts';
import { sshAgent } from './ssh.ts';

/** The library's options. They set everything that the library would otherwise read from the environment. */
export function connectionOptions({ url, origin, tls }: EngineAddress): Docker.DockerOptions {
  const [scheme, rest] = url.split('://', 2);
  switch (scheme) {
    case 'unix':
      return { ...noOptions, socketPath: rest };
    case 'tcp':
    case 'http':
    case 'https': {
      const { hostname, port } = new URL(`http://${rest}`);
      const secure = tls !== undefined || scheme === 'https';
      return {
        ...noOptions,
        host: hostname,
        port: port || (secure ? 2376 : 2375),
        protocol: secure ? 'https' : 'http',
        ...(secure && {
          agent: new Agent({
            rejectUnauthorized: tls?.verify ?? true,
            // Only with an explicit authority: otherwise Node 20 would ignore NODE_EXTRA_CA_CERTS.
            allowPartialTrustChain: tls?.ca !== undefined,
          }),
        }),
        ca: tls?.ca,
        cert: tls?.cert,
        key: tls?.key,
      };
    }
    case 'ssh':
      return { ...noOptions, host: 'docker', port: 80, protocol: 'http', ...{ agent: sshAgent(url) } };
    default:
      throw dockerUnreachable(
        `could not connect to the Docker engine at ${url} (${origin})`,
        `the scheme ${scheme} is not one of unix, tcp, http, https, ssh`,
        'Set DOCKER_HOST to an address, for example unix:///var/run/docker.sock.',
      );
  }
}

const noOptions = {
  socketPath: undefined,
  host: undefined,
  port: undefined,
  username: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  pathPrefix: '/',
  timeout: undefined,
};
