import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { KubeContext } from '../clients/kubernetes/kubeconfig.ts';
import { BootstrapError } from '../core/errors.ts';

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
    hint: `${otherwise === undefined ? 'Read' : `${otherwise}, or read`} the file and then pass it: \`-c ${name}\`.`,
  });

/** The part of a configuration file that decides whether its kubeconfig is trusted. */
export interface FoundConfig {
  readonly name: string;
  readonly path: string;
  /** `cluster.kubeconfig` as it is written there. */
  readonly kubeconfig: string;
}

/**
 * Refuses to run a program that a kubeconfig names, or to send a token from a file that it names, when both files may have come
 * together, for example with a cloned repository: the configuration was only found, and the kubeconfig is next to it or at a
 * path relative to it. The kubeconfig that kubectl would use is trusted.
 * @param choice the kubeconfig, with absolute paths, and context of the run
 * @throws BootstrapError `kubeconfig-untrusted`
 */
export async function refusePlugins(
  { name, path, kubeconfig }: FoundConfig,
  choice: { readonly kubeconfig: string; readonly context?: string | undefined },
): Promise<void> {
  const { chooseContext, kubeconfigFiles } = await import('../clients/kubernetes/kubeconfig.ts');
  const usual = new Set(kubeconfigFiles({}).map((file) => resolve(file)));
  const absolute = choice.kubeconfig.split(delimiter);
  const nearby = kubeconfig.split(delimiter).find((file, index) => {
    const target = absolute[index] ?? '';
    if (file === '' || usual.has(target)) return false;
    return isRelative(file) || leadsThrough(target, dirname(path));
  });
  if (nearby === undefined) return;
  const untrustedSetting = await describeSetting(() => chooseContext(choice));
  if (untrustedSetting === undefined) return;
  throw new BootstrapError({
    code: 'kubeconfig-untrusted',
    what: `the kubeconfig ${nearby} is not trusted to ${untrustedSetting.purpose}`,
    why: `its user ${untrustedSetting.user} asks for ${untrustedSetting.object}, and both the kubeconfig and ${name} were only found here`,
    hint: `Check what it asks for, then pass \`--kubeconfig ${nearby}\` or \`-c ${name}\`.`,
  });
}

const isRelative = (file: string): boolean => !isAbsolute(file) && !file.startsWith('~/');

/** Whether a path has the folder on its way, by its name or by links such as `/proc/self/cwd`. */
function leadsThrough(path: string, folder: string): boolean {
  const isWithin = (inner: string, outer: string): boolean => {
    const way = relative(outer, inner);
    return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  };
  const real = realPath(folder);
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (isWithin(at, folder) || isWithin(realPath(at), real)) return true;
  }
  return false;
}

/** A path that does not exist stays as it is: reading it reports what is missing. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** What the user of a kubeconfig asks for that needs trust. */
interface UntrustedSetting {
  readonly user: string;
  readonly purpose: string;
  readonly object: string;
}

async function describeSetting(choose: () => Promise<KubeContext>): Promise<UntrustedSetting | undefined> {
  try {
    const { user } = await choose();
    if (!user) return undefined;
    const { exec, authProvider, tokenFile } = user as {
      exec?: { command?: unknown };
      authProvider?: { name?: unknown };
      tokenFile?: string;
    };
    const run = { user: user.name, purpose: 'run a program' };
    if (exec) return { ...run, object: `the exec plugin ${String(exec.command)}` };
    if (authProvider) return { ...run, object: `the auth-provider ${String(authProvider.name)}` };
    if (tokenFile === undefined) return undefined;
    return { user: user.name, purpose: 'send a token from a file', object: `the token in ${tokenFile}` };
  } catch (error) {
    // Connecting to the cluster reports what is wrong with the kubeconfig.
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
