import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';

/**
 * Connects to an engine at `ssh://[user@]host[:port]` with the system's ssh, as the docker command does. The
 * user's ssh configuration, agent and known hosts apply. The library's own ssh client does not check host keys,
 * and this connection carries registry credentials.
 */
export function sshAgent(address: string): Agent {
  return new SshAgent(sshArguments(address));
}

class SshAgent extends Agent {
  readonly #arguments: readonly string[];

  constructor(args: readonly string[]) {
    super();
    this.#arguments = args;
  }

  override createConnection(): Duplex {
    return new SshConnection(spawn('ssh', this.#arguments));
  }
}

/** The standard streams of an ssh process as one connection. It fails with the last line of ssh's error output. */
class SshConnection extends Duplex {
  readonly #ssh: ChildProcessWithoutNullStreams;

  constructor(ssh: ChildProcessWithoutNullStreams) {
    super();
    this.#ssh = ssh;
    let errorOutput = '';
    ssh.stderr.setEncoding('utf8').on('data', (text: string) => (errorOutput += text));
    ssh.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) ssh.stdout.pause();
    });
    ssh.on('error', (error) => this.destroy(error));
    ssh.on('close', (code) => {
      if (code) this.destroy(new Error(`ssh: ${lastLine(errorOutput) || `exit code ${code}`}`));
      else this.push(null);
    });
    // A broken pipe means that ssh has exited. The exit handler reports the reason.
    ssh.stdin.on('error', () => undefined);
  }

  override _read(): void {
    this.#ssh.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#ssh.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#ssh.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ssh.kill();
    done(error);
  }
}

function sshArguments(address: string): readonly string[] {
  const { username, hostname, port } = new URL(address);
  return [
    ...['-o', 'BatchMode=yes'],
    ...(username ? ['-l', decodeURIComponent(username)] : []),
    ...(port ? ['-p', port] : []),
    ...['--', hostname, 'docker', 'system', 'dial-stdio'],
  ];
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
