import { unlessAborted } from '../../core/abort.ts';
import { BootstrapError } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import type { CheckedPart, Diagnosis } from '../../output/index.ts';
import type { Session } from '../session.ts';
import { caller, permissions, endpoints, clock, blobMounting } from './aws.ts';
import { type Check, diagnosis, failures, type Patient, type Prerequisite } from './check.ts';
import { cluster, clusterRights, kubernetesFeatures, nodeRuntimes } from './cluster.ts';
import { configuration, program } from './computer.ts';
import { docker, operatorRelease, sources } from './images.ts';

/** Everything that `up` needs, in the order in which it needs it. */
export const checks: readonly Check[] = [
  program,
  configuration,
  caller,
  endpoints,
  permissions,
  clock,
  blobMounting,
  cluster,
  clusterRights,
  kubernetesFeatures,
  nodeRuntimes,
  operatorRelease,
  sources,
  docker,
];

/** Milliseconds that each check has. */
const timeoutMs = 20_000;

/** The check that shows whether a service can be used. */
const prerequisites: Readonly<Record<Prerequisite, Check>> = { aws: caller, cluster };

/** Runs all checks at once. None of them stops another. */
export function diagnose(session: Session): Promise<CheckedPart[]> {
  const patient: Patient = {
    session,
    signal: session.signal,
    loaded: once(() => session.loaded({ placeholders: true, lenient: true })),
    context: () => session.context(),
  };
  const results = new Map<Check, Promise<readonly Diagnosis[]>>();
  const resultOf = (check: Check): Promise<readonly Diagnosis[]> => {
    const known = results.get(check) ?? run(check);
    results.set(check, known);
    return known;
  };
  const run = async (check: Check): Promise<readonly Diagnosis[]> => {
    if (check.settings && !(await isConfigured(check.settings, patient))) {
      return [notChecked('the configuration has mistakes')];
    }
    for (const need of check.needs) {
      const needed = prerequisites[need];
      const isMet = (await resultOf(needed)).every(({ level }) => level === 'ok');
      if (!isMet) return [notChecked(`the check ${needed.title} failed`)];
    }
    return withinTime(check, patient);
  };
  return Promise.all(
    checks.map(async (check) => ({ check: check.id, title: check.title, findings: await resultOf(check) })),
  );
}

/** Whether the configuration could be read, and these sections have no mistakes. */
async function isConfigured(sections: readonly PropertyKey[], { loaded }: Patient): Promise<boolean> {
  try {
    const { mistakes } = await loaded();
    return !mistakes.some(({ path: [section = ''] }) => sections.includes(section));
  } catch (error) {
    // The check of the configuration reports it.
    if (error instanceof BootstrapError) return false;
    throw error;
  }
}

async function withinTime(check: Check, patient: Patient): Promise<readonly Diagnosis[]> {
  const late = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([patient.signal, late]);
  try {
    return await unlessAborted(signal, () => check.run({ ...patient, signal }));
  } catch (error) {
    patient.signal.throwIfAborted();
    if (late.aborted) return [notChecked(`there was no result within ${timeoutMs / 1000} seconds`)];
    if (!(error instanceof BootstrapError)) throw error;
    return failures(error);
  }
}

const notChecked = (why: string): Diagnosis =>
  diagnosis('not-checked', {
    what: 'not checked',
    why,
    hint: 'Run `ecr-bootstrap doctor` again after you fixed the other problems.',
  });

/** Whether `up` would fail. A check that did not run counts, as in `status`. */
export const wouldFail = (parts: readonly CheckedPart[]): boolean =>
  parts.some(({ findings }) => findings.some(({ level }) => level === 'failed' || level === 'unknown'));
