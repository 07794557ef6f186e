import { resolve, sep } from 'node:path';
import { isatty } from 'node:tty';
import { runSubprocess } from '../../core/subprocess.ts';
import { readYaml } from './yaml.ts';

/** `users[].user.exec` of a kubeconfig. */
export interface PluginSettings {
  readonly apiVersion?: string | undefined;
  readonly command: string;
  /** The kubeconfig's: a command with a slash is relative to it, another is looked up in PATH. */
  readonly folder?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  /** Default: IfAvailable. */
  readonly interactiveMode?: 'Never' | 'IfAvailable' | 'Always' | undefined;
  /** What people do who do not have the plugin. */
  readonly installHint?: string | undefined;
  readonly provideClusterInfo?: boolean;
}

export interface PluginBounds {
  readonly timeoutMs: number;
  /** Aborted when nothing waits for the credentials any longer. */
  readonly signal: AbortSignal;
}

export interface PluginCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Runs a credential plugin (client.authentication.k8s.io), as kubernetes/client-go does in
 * plugin/pkg/client/auth/exec. The plugin reads from the terminal only if there is one and its interactiveMode
 * allows it; otherwise its input is empty.
 */
export async function runPlugin(
  settings: PluginSettings,
  bounds: PluginBounds,
  /** `spec.cluster` in the plugin's input, if the plugin requests it. */
  cluster?: object,
): Promise<PluginCredentials> {
  const { apiVersion, command, folder = '.', args, env, interactiveMode = 'IfAvailable' } = settings;
  if (!command) throw new Error('the exec plugin of the kubeconfig has no command');
  for (const [field, value] of Object.entries({ args, env })) {
    if (value !== undefined && value !== null && !Array.isArray(value)) {
      throw new Error(`${field} of the exec plugin in the kubeconfig is not a list`);
    }
  }
  const interactive = interactiveMode !== 'Never' && isatty(0) && isatty(2);
  if (interactiveMode === 'Always' && !interactive) {
    throw new Error(`${command} needs a terminal (interactiveMode: Always), and there is none`);
  }
  // KUBERNETES_EXEC_INFO contains the version of the protocol.
  const clusterInfo = settings.provideClusterInfo && cluster ? { cluster } : {};
  const info = { apiVersion, kind: 'ExecCredential', spec: { ...clusterInfo, interactive } };
  const { status, stdout, stderr } = await runSubprocess(
    command.includes(sep) ? resolve(folder, command) : command,
    {
      args: args ?? [],
      env: {
        ...process.env,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify(info),
      },
      ...(interactive ? {} : { input: '' }),
      ...bounds,
    },
  );
  const end = status === null ? 'was killed' : `ended with status ${status}`;
  if (status !== 0) throw new Error(oneLine(stderr) || `${command} ${end}`);
  return read(stdout, command);
}

/** The error output on one line, because a plugin may begin with an empty line or a stack trace. */
function oneLine(output: string): string {
  const text = output.trim().replace(/\s*\n\s*/g, '; ');
  return text.length > 500 ? `…${text.slice(-499)}` : text;
}

async function read(output: string, command: string): Promise<PluginCredentials> {
  let answer: unknown;
  try {
    answer = await readYaml(output);
  } catch {
    // The parser's message would quote the output, which may contain a token.
    throw new Error(`the output of ${command} is neither JSON nor YAML`);
  }
  const { status } = (answer ?? {}) as { readonly status?: Readonly<Record<string, unknown>> | null };
  const text = (field: string): string | undefined => {
    const value = status?.[field];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [token, cert, key] = [text('token'), text('clientCertificateData'), text('clientKeyData')];
  if (token === undefined && cert === undefined) throw new Error(`${command} printed no credentials`);
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(`${command} printed only one of a client certificate and its key`);
  }
  return {
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
