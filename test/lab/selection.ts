/** What a lab can be started with, instead of the defaults. */
export interface Selection {
  readonly kubernetes?: string;
  /** The version of an External Secrets Operator that others have installed. ecr-bootstrap then installs none. */
  readonly otherOperator?: string;
  /** The version of CRI-O that nodes have instead of containerd. */
  readonly crio?: string;
}

/** Where every process of a lab reads what was selected. */
export const selectionVariable = 'ECR_BOOTSTRAP_LAB_VERSIONS';

/**
 * All scenarios run on the default version of Kubernetes, the newest that builds from the Go module proxy, and a short set on
 * the others.
 */
export const kubernetes = { oldest: '1.31.14', default: '1.37.2' };
/** The kubelet of 1.37.2 does not get ready with CRI-O 1.34.0: its check of the runtime's status does not complete. */
export const kubernetesOfCrio = '1.36.3';
/** The newest one that builds from the Go module proxy. It serves v1 only. */
const otherOperator = { newest: '0.20.4' };

/** The newest one that builds from the Go module proxy. */
const crio = { crio: '1.34.0' };

const flags: Readonly<Record<string, readonly [keyof Selection, Readonly<Record<string, string>>]>> = {
  '--kubernetes': ['kubernetes', kubernetes],
  '--external-secrets': ['otherOperator', otherOperator],
  '--runtime': ['crio', crio],
};

/**
 * Takes `--kubernetes VERSION`, `--external-secrets VERSION` and `--runtime crio` from arguments. A version can have a
 * name: `oldest`, `default`, and for an operator `newest`.
 * @throws Error when a version is missing or has an unknown name
 */
export function takeSelection(args: readonly string[]): { selected: Selection; rest: readonly string[] } {
  const selected: Partial<Record<keyof Selection, string>> = {};
  const rest: string[] = [];
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [name = '', inline] = arg.split(/=(.*)/s);
    const [key, named = {}] = flags[name] ?? [];
    if (key === undefined) {
      rest.push(arg);
      continue;
    }
    const value = inline ?? left.shift() ?? '';
    const version = named[value] ?? value;
    if (!/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(`${name} needs a version such as 1.31.14, or one of: ${Object.keys(named).join(', ')}`);
    }
    if (version !== named['default']) selected[key] = version;
  }
  return { selected, rest };
}
