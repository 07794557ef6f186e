import { spawn } from 'node:child_process';
import { Agent, type AgentOptions } from 'node:http';
import { Duplex } from 'node:stream';

/**
 * Reaches an engine by `ssh://[user@]host[:port]` through the system's ssh, as the docker command does: the user's
 * ssh configuration, agent and known hosts hold. The library's own ssh client checks no host key, and registry
 * credentials travel on this connection.
 */
export function sshAgent(address: string): Agent {
  return new SshAgent(sshArguments(address));
}

class SshAgent extends Agent {
  readonly #arguments: readonly string[];

  constructor(args: readonly string[], options?: AgentOptions) {
    super(options);
    this.#arguments = args;
  }

  override createConnection(): Duplex {
    const ssh = spawn('ssh', this.#arguments, { stdio: ['pipe', 'pipe', 'pipe'] });
    const connection = Duplex.from({ readable: ssh.stdout, writable: ssh.stdin });
    let complaint = '';
    ssh.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    ssh.on('error', (error) => connection.destroy(error));
    ssh.on('close', (code) => {
      connection.destroy(code ? new Error(`ssh: ${lastLine(complaint) || `exit code ${code}`}`) : undefined);
    });
    connection.on('close', () => ssh.kill());
    return connection;
  }
}

function sshArguments(address: string): readonly string[] {
  const { username, hostname, port } = new URL(address);
  return [
    '-o',
    'BatchMode=yes',
    ...(username ? ['-l', decodeURIComponent(username)] : []),
    ...(port ? ['-p', port] : []),
    '--',
    hostname,
    'docker',
    'system',
    'dial-stdio',
  ];
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
