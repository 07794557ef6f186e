import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { KubeContext } from '../clients/kubernetes/kubeconfig.ts';
import { BootstrapError } from '../core/errors.ts';

/**
 * Refuses a configuration file that was only found in the working folder if another user could have written it.
 * The file determines which account and cluster a run changes. A file that the user named is trusted. A file
 * with write permission for the group is trusted too, because a umask of 002 creates such files on systems
 * where each user has a private group.
 * @throws BootstrapError `config-untrusted`
 */
export function refuseUntrusted(path: string, name: string): void {
  const user = process.geteuid?.();
  // Windows has no Unix owners and modes.
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

/**
 * Whether every user can replace files in the folder. With the sticky bit, as on `/tmp`, only the owner of a
 * file can.
 */
const isOpenFolder = ({ mode }: Stats): boolean => (mode & 0o002) !== 0 && (mode & 0o1000) === 0;

const untrusted = (name: string, why: string, otherwise?: string): BootstrapError =>
  new BootstrapError({
    code: 'config-untrusted',
    what: `the configuration ${name} is not trusted`,
    why,
    hint: `${otherwise === undefined ? 'Read' : `${otherwise}, or read`} the file and then pass it: \`-c ${name}\`.`,
  });

/** The part of a configuration file that determines whether its kubeconfig is trusted. */
export interface FoundConfig {
  readonly name: string;
  readonly path: string;
  /** `cluster.kubeconfig` as written in the file. */
  readonly kubeconfig: string;
}

/**
 * Refuses to run a program that a kubeconfig names, or to send a token from a file that it names, if the
 * kubeconfig may have the same source as the configuration, for example a cloned repository. That is so if the
 * configuration was only found, and the kubeconfig is next to it or at a path relative to it. The kubeconfig
 * that kubectl would use is trusted.
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

/** Whether a path leads through the folder, by name or through links such as `/proc/self/cwd`. */
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

/** Resolves links. A path that does not exist is returned unchanged, and an error is reported when it is read. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** A setting of a kubeconfig's user that requires trust. */
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
    // The connection to the cluster reports the problem with the kubeconfig.
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
