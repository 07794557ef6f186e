import { existsSync, readFileSync } from 'node:fs';
import { devNull, homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { decodeText } from '../core/decode-text.ts';
import { BootstrapError, reasonOf } from '../core/errors.ts';
import { refuseAliasBomb } from '../core/yaml-aliases.ts';
import { knownContext } from './ambient.ts';
import { getAt, leaves, setAt, type Tree, withoutNulls } from './tree.ts';
import { type LineOf, parseYaml } from './yaml.ts';
import { tokenAgeWarning } from './pull-secret.ts';
import type { Config } from './schema.ts';
import { otherVariables, type Setting, settings } from './settings.ts';
import { refusePlugins, refuseUntrusted } from './trust.ts';
import { closestWord } from '../core/suggestion.ts';
import { type Checked, type ConfigProblem, validate, validateLeniently } from './validate.ts';

/** The file that is read by default. */
export const defaultFile = 'ecr-bootstrap.yaml';

export interface ConfigRequest {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Values of flags, by {@link Setting.flag}. Undefined if not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** From `--config`. */
  readonly file?: string;
  /** Whether to use placeholders for a project and a region that are not set. */
  readonly placeholders?: boolean;
  /** Returns missing and wrong values in {@link Loaded.mistakes} instead of throwing errors. */
  readonly lenient?: boolean;
}

/** The placeholder for a value that is not set, and a valid value for the checks. */
const placeholders = { project: ['PROJECT', 'project'], 'aws.region': ['REGION', 'us-east-1'] } as const;

/** The only settings without a default. */
const required: Tree = {
  project: placeholders.project[1],
  aws: { region: placeholders['aws.region'][1] },
};

export interface Loaded {
  readonly config: Config;
  /** The file that was read, under the name that the user gave. */
  readonly file?: string;
  /** Absolute paths of the files that were read, or will be read when the cluster is used. */
  readonly paths: { readonly config?: string; readonly kubeconfig: readonly string[] };
  /** The origin of each value, by key path: `--region`, `AWS_REGION`, the file's name, or `default`. */
  readonly origins: ReadonlyMap<string, string>;
  /** One line each. */
  readonly warnings: readonly string[];
  readonly mistakes: readonly (ConfigProblem & { readonly value: unknown })[];
}

/**
 * The effective configuration. Precedence: flags, `ECR_BOOTSTRAP_*` variables, the file, variables of other
 * programs, defaults.
 * @throws BootstrapError `config-*` or `file-missing`
 */
export async function loadConfig(request: ConfigRequest): Promise<Loaded> {
  const file = await readConfigFile(request);
  const values = structuredClone(file?.values ?? {});
  const origins = new Map(leaves(values).map(([path]) => [path, file?.name ?? '']));
  const warnings = unknownVariables(request.env);
  for (const setting of settings) {
    const given = await resolveSetting(setting, request, values);
    if (given?.overrides) warnings.push(given.overrides);
    if (given?.value === undefined) continue;
    setAt(values, setting.key, given.value);
    origins.set(setting.key, given.origin);
  }
  quoteAccountId(values);
  const unknown = request.placeholders
    ? Object.entries(placeholders).filter(([key]) => getAt(values, key) === undefined)
    : [];
  for (const [key, [, valid]] of unknown) setAt(values, key, valid);
  resolveFiles(values, (key) => (origins.get(key) === file?.name && file ? dirname(file.path) : request.cwd));
  if (origins.get('cluster.context') !== '--context') warnings.push(...(await contextWarning(values)));
  const noProfile = await absentProfile(values, request.env);
  const about = { origins, ...(noProfile === undefined ? {} : { noProfile }) };
  const source = file ? { file: file.name, lineOf: file.lineOf, ...about } : about;
  const { config, mistakes }: Checked = request.lenient
    ? validateLeniently(values, source, required)
    : { config: validate(values, source), mistakes: [] };
  for (const [key, [placeholder]] of unknown) {
    setAt(config, key, placeholder);
    origins.set(key, 'placeholder');
  }
  await refuseFoundPlugins(config, file, origins);
  const age = tokenAgeWarning(config.pullSecret);
  if (age !== undefined) warnings.push(age);
  for (const [path] of leaves(config)) {
    if (!origins.has(path)) origins.set(path, 'default');
  }
  const { kubeconfigFiles } = await import('../clients/kubernetes/kubeconfig.ts');
  const kubeconfig = kubeconfigFiles(config.cluster).filter((path) => existsSync(path));
  return {
    config,
    origins,
    warnings,
    mistakes: mistakes.map((mistake) => ({ ...mistake, value: getAt(values, mistake.path.join('.')) })),
    paths: { ...(file ? { config: file.path } : {}), kubeconfig },
    ...(file ? { file: file.name } : {}),
  };
}

/** A kubeconfig that a found configuration names is trusted less than one that the user names. */
async function refuseFoundPlugins(
  { cluster }: Config,
  file: ConfigFile | undefined,
  origins: Loaded['origins'],
): Promise<void> {
  if (!file?.found || origins.get('cluster.kubeconfig') !== file.name) return;
  const kubeconfig = getAt(file.values, 'cluster.kubeconfig');
  if (typeof kubeconfig !== 'string' || cluster.kubeconfig === undefined) return;
  const choice = { kubeconfig: cluster.kubeconfig, context: cluster.context };
  await refusePlugins({ name: file.name, path: file.path, kubeconfig }, choice);
}

/** YAML reads an unquoted account ID as a number. One that begins with 0 loses digits and is refused. */
function quoteAccountId(values: Tree): void {
  const accountId = getAt(values, 'aws.accountId');
  if (typeof accountId === 'number') setAt(values, 'aws.accountId', String(accountId));
}

interface Given {
  readonly value?: unknown;
  readonly origin: string;
  /** A warning that the file overrides another value. */
  readonly overrides?: string;
}

async function resolveSetting(
  setting: Setting,
  { flags, env }: ConfigRequest,
  values: Tree,
): Promise<Given | undefined> {
  const flag = flags[setting.flag];
  if (flag !== undefined) return { value: parse(setting, flag), origin: `--${dashed(setting.flag)}` };
  if (env[setting.env]) return { value: parse(setting, env[setting.env]), origin: setting.env };
  const inFile = getAt(values, setting.key);
  const ambient = await ambientValue(setting, env, values);
  if (inFile === undefined) return ambient;
  if (ambient === undefined || ambient.value === inFile || typeof inFile !== 'string') return undefined;
  return {
    origin: '',
    overrides: `The configuration file sets ${setting.key} to ${inFile}, which overrides ${ambient.origin} (${String(ambient.value)}).`,
  };
}

async function ambientValue(
  setting: Setting,
  env: NodeJS.ProcessEnv,
  values: Tree,
): Promise<Given | undefined> {
  const name = setting.ambient.find((variable) => env[variable]);
  if (name !== undefined) return { value: env[name], origin: name };
  if (setting.key !== 'aws.region') return undefined;
  const chosen = getAt(values, 'aws.profile');
  const profile = typeof chosen === 'string' ? chosen : 'default';
  const { profileRegion } = await import('../clients/aws/profiles.ts');
  const region = await profileRegion(profile, env);
  return region === undefined ? undefined : { value: region, origin: `AWS profile ${profile}` };
}

/** Explains a missing region if the AWS configuration files do not have the profile. */
async function absentProfile(values: Tree, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const profile = getAt(values, 'aws.profile');
  if (typeof profile !== 'string' || getAt(values, 'aws.region') !== undefined) return undefined;
  const { missingProfile, readProfiles } = await import('../clients/aws/profiles.ts');
  return missingProfile(profile, await readProfiles(env), env);
}

/** `images.platforms` is a single word or a comma-separated list. */
function parse(setting: Setting, given: unknown): unknown {
  if (setting.key !== 'images.platforms' || typeof given !== 'string') return given;
  if (given === 'cluster' || given === 'all') return given;
  return given.split(',').map((part) => part.trim());
}

async function contextWarning(values: Tree): Promise<string[]> {
  const wanted = getAt(values, 'cluster.context');
  if (typeof wanted !== 'string') return [];
  const kubeconfig = getAt(values, 'cluster.kubeconfig');
  const current = await knownContext(typeof kubeconfig === 'string' ? kubeconfig : undefined);
  if (current === undefined || current === wanted) return [];
  return [`cluster.context is ${wanted}; the kubeconfig's current context is ${current}.`];
}

function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known: string[] = [...settings.map((setting) => setting.env), ...otherVariables];
  return Object.keys(env)
    .filter((name) => name.startsWith('ECR_BOOTSTRAP_') && !known.includes(name))
    .map((name) => {
      const near = closestWord(name, known);
      return `Ignoring the environment variable ${name}, which is unknown.${near === undefined ? '' : ` Did you mean ${near}?`}`;
    });
}

const dashed = (flag: string): string => flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

interface ConfigFile {
  readonly name: string;
  readonly path: string;
  readonly lineOf: LineOf;
  readonly values: Tree;
  /** The file was found in the working folder. The user did not name it. */
  readonly found: boolean;
}

async function readConfigFile({ cwd, env, file }: ConfigRequest): Promise<ConfigFile | undefined> {
  const named = file ?? env['ECR_BOOTSTRAP_CONFIG'];
  const name = named ?? defaultFile;
  if (name === devNull) return undefined;
  const path = resolve(cwd, name);
  if (!existsSync(path)) {
    if (named === undefined) return undefined;
    throw new BootstrapError({
      code: 'file-missing',
      what: `could not read the configuration ${name}`,
      why: 'the file does not exist',
      hint: 'Correct --config or ECR_BOOTSTRAP_CONFIG, or create the file with `ecr-bootstrap init`.',
    });
  }
  const found = named === undefined;
  if (found) refuseUntrusted(path, name);
  try {
    const text = decodeText(readFileSync(path));
    const { values: parsed, lineOf } = await parseYaml(text, name);
    const values = parsed ?? {};
    refuseAliasBomb(values);
    if (typeof values !== 'object' || Array.isArray(values)) throw new Error('it is not a YAML mapping');
    return { name, path, lineOf, values: withoutNulls(values as Tree), found };
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'config-unreadable',
        what: `could not read the configuration ${name}`,
        why: reasonOf(error),
        hint: 'Correct the file, or write a new one with `ecr-bootstrap init --force`.',
      },
      { cause: error },
    );
  }
}

/** The keys whose values are local files. */
const fileKeys = ['cluster.kubeconfig', 'externalSecrets.manifest', 'externalSecrets.caBundle'];

/**
 * Makes file names absolute. `~/` is the home folder. A name in the configuration file is relative to that
 * file, so that it does not depend on the working folder.
 * @param folderOf the folder that a key's value is relative to
 */
function resolveFiles(values: Tree, folderOf: (key: string) => string): void {
  for (const key of fileKeys) {
    const value = getAt(values, key);
    if (typeof value !== 'string' || value === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(value)) continue;
    const named = key === 'cluster.kubeconfig' ? value.split(delimiter) : [value];
    setAt(values, key, named.map((name) => absolute(name, folderOf(key))).join(delimiter));
  }
}

const absolute = (name: string, folder: string): string =>
  name.startsWith('~/') ? join(homedir(), name.slice(2)) : resolve(folder, name);
