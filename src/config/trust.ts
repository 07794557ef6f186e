import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { BootstrapError } from '../errors/index.ts';

/**
 * Refuses a configuration file that was only found in the working folder when another user could have written it. The file
 * decides which account and cluster a run changes. A file that the user named is trusted. A file that a group can write to
 * is trusted too: a umask of 002 makes such files where each user has a private group.
 * @throws BootstrapError `config-untrusted`
 */
export function refuseUntrusted(path: string, name: string): void {
  const user = process.geteuid?.();
  // Windows has no such owners and modes.
  if (user === undefined) return;
  const isTrustedOwner = ({ uid }: Stats): boolean => uid === user || uid === 0;
  const target = realpathSync(path);
  if (![lstatSync(path), statSync(target)].every(isTrustedOwner)) {
    throw untrusted(name, 'it belongs to another user');
  }
  if (statSync(target).mode & 0o002) {
    throw untrusted(name, 'every user of this machine can write to it', `Run \`chmod o-w ${name}\``);
  }
  for (const folder of new Set([dirname(path), dirname(target)])) {
    if (isOpenFolder(statSync(folder))) {
      const why = `every user of this machine can replace files in ${folder}`;
      throw untrusted(name, why, `Run \`chmod o-w ${folder}\``);
    }
  }
}

/** With the sticky bit, as `/tmp` has it, only its owner can replace a file. */
const isOpenFolder = ({ mode }: Stats): boolean => (mode & 0o002) !== 0 && (mode & 0o1000) === 0;

const untrusted = (name: string, why: string, otherwise?: string): BootstrapError =>
  new BootstrapError({
    code: 'config-untrusted',
    what: `the configuration ${name} is not trusted`,
    why,
    hint: `${otherwise === undefined ? 'Read' : `${otherwise}, or read`} the file and then name it: \`-c ${name}\`.`,
  });

/** The part of a configuration file that decides whether its kubeconfig is trusted. */
export interface FoundConfig {
  readonly name: string;
  readonly path: string;
  /** `cluster.kubeconfig` as it is written there. */
  readonly kubeconfig: string;
}

/**
 * Refuses to run a program that a kubeconfig names when both files may have come together, for example with a cloned
 * repository: the configuration was only found, and the kubeconfig lies beside it or at a path relative to it.
 * @param choice the kubeconfig and context of the run
 * @throws BootstrapError `kubeconfig-untrusted`
 */
export async function refusePlugins(
  { name, path, kubeconfig }: FoundConfig,
  choice: { readonly kubeconfig: string; readonly context?: string | undefined },
): Promise<void> {
  const beside = kubeconfig.split(delimiter).find((file) => liesBeside(file, dirname(path)));
  if (beside === undefined) return;
  const plugin = await chosenPlugin(choice);
  if (plugin === undefined) return;
  throw new BootstrapError({
    code: 'kubeconfig-untrusted',
    what: `the kubeconfig ${beside} is not trusted to run a program`,
    why: `its user ${plugin.user} asks for ${plugin.runs}, and both the kubeconfig and ${name} were only found here`,
    hint: `Check what it runs, then give \`--kubeconfig ${beside}\` or \`-c ${name}\`.`,
  });
}

function liesBeside(file: string, folder: string): boolean {
  if (!isAbsolute(file) && !file.startsWith('~/')) return file !== '';
  const isWithin = (inner: string, outer: string): boolean => {
    const path = relative(outer, inner);
    return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
  };
  return isAbsolute(file) && (isWithin(file, folder) || isWithin(realPath(file), realPath(folder)));
}

/** A path that does not exist stays as it is: reading it reports what is missing. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

async function chosenPlugin(choice: {
  readonly kubeconfig: string;
  readonly context?: string | undefined;
}): Promise<{ user: string; runs: string } | undefined> {
  const { chooseContext } = await import('../cluster/kubeconfig.ts');
  try {
    const { user } = await chooseContext(choice);
    const { exec, authProvider } = (user ?? {}) as {
      exec?: { command?: unknown };
      authProvider?: { name?: unknown };
    };
    if (!user || !(exec || authProvider)) return undefined;
    const runs = exec
      ? `the exec plugin ${String(exec.command)}`
      : `the auth-provider ${String(authProvider?.name)}`;
    return { user: user.name, runs };
  } catch (error) {
    // Connecting to the cluster reports what is wrong with the kubeconfig.
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
