import { randomBytes } from 'node:crypto';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { AdmissionPolicy } from '../../cluster/admission-policy/rollback.ts';
import { effectDeadlineMs } from '../../cluster/admission-policy/verification.ts';
import { diffObjects, type ObjectsState } from '../../cluster/objects.ts';
import { BootstrapError } from '../../core/errors.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { isTolerable } from '../../core/members.ts';
import { operatorNamespace, warningPolicyName } from '../../core/ownership.ts';
import { waitFor } from '../../core/wait.ts';
import { excluding } from '../../images/exclude.ts';
import { parseReference } from '../../images/reference.ts';
import type { MirrorContext, MirrorRun } from '../context.ts';
import { isImageList, proofIn } from './lists.ts';
import { warningPolicyRefs } from './policy.ts';

export const warningPolicy: AdmissionPolicy = {
  refs: warningPolicyRefs,
  risk: 'it may warn about the wrong images',
  unverifiedHint: 'Run `ecr-bootstrap up` again, or set images.warnings: off.',
};

/** ECR never has it: RFC 2606 reserves the host's top-level domain. */
const missing = 'not-in-ecr.invalid/proof:latest';

/**
 * Verifies by a dry run that an object with a missing image is accepted with a warning, and that the API server reads the
 * present lists. If it does not, that is a finding: `up` can do nothing about it, and no workload is rejected.
 * @throws BootstrapError when the object is rejected
 */
export async function verifyWarnings({ wanted }: ObjectsState, run: MirrorRun): Promise<void> {
  const lists = wanted.map(({ desired }) => desired);
  const problem = (): Promise<string | undefined> => findProblem(lists, run.ctx);
  const why = run.isReadOnly ? await problem() : await lastProblem(run, problem);
  if (why !== undefined) run.emit({ type: 'finding', finding: inactive(why) });
}

/**
 * The same for `status`, with the lists that the cluster has. Without the right to create the object, and while a list is
 * missing or the policy differs, there is no finding.
 */
export async function inactiveFindings({ wanted }: ObjectsState, ctx: MirrorContext): Promise<Finding[]> {
  const policies = wanted.filter(({ desired }) =>
    warningPolicyRefs.some(({ kind }) => kind === desired.kind),
  );
  const lists = wanted.flatMap(({ actual }) => (actual && isImageList(actual) ? actual : []));
  const isComplete = policies.length > 0 && lists.length === wanted.length - policies.length;
  if (!isComplete || diffObjects({ wanted: policies, unwanted: [] }).changes.length > 0) return [];
  try {
    const why = await findProblem(lists, ctx);
    return why === undefined ? [] : [inactive(why)];
  } catch (error) {
    if (error instanceof BootstrapError && isTolerable(error)) return [];
    throw error;
  }
}

/** What is wrong with the warnings about an object that is not stored. @param lists and other objects */
async function findProblem(
  lists: readonly KubeObject[],
  { cluster, config }: MirrorContext,
): Promise<string | undefined> {
  const isExcluded = excluding(config.images.exclude)(parseReference(missing));
  const known = proofIn(lists) ?? missing;
  const warnings = await cluster.creationWarnings(podTemplate([missing, known]));
  const isWarned = (image: string): boolean =>
    warnings.some((text) => text.includes(warningPolicyName) && text.includes(image));
  if (!isWarned(missing) && !isExcluded) return 'an image that ECR does not have gets no warning';
  return known !== missing && isWarned(known) ? 'the API server reads an earlier list' : undefined;
}

/** What is still wrong after the time that a new policy takes. */
async function lastProblem(
  run: MirrorRun,
  problem: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const what = 'the admission policy to take effect';
  let why: string | undefined;
  try {
    await waitFor(run, { what, deadlineMs: effectDeadlineMs, intervalMs: 500 }, async (pending) => {
      why = await problem();
      return why === undefined ? true : pending(why);
    });
    return undefined;
  } catch (error) {
    if (why === undefined || !(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
    return why;
  }
}

/**
 * The API server stops reading parameters of a native kind when the last policy that uses them is deleted, and does not start
 * again (k8s.io/apiserver, `ensureParamsForPolicyLocked` starts a shared informer, which runs only once).
 */
const inactive = (why: string): Finding =>
  finding('image-warnings-inactive', {
    target: { kind: 'ValidatingAdmissionPolicy', name: warningPolicyName },
    what: 'kubectl warns about the wrong images, or about none',
    why: `${why}; after the policy was deleted once, an API server does not read new lists until it restarts`,
    hint: 'Restart the API server on each control-plane node: `crictl ps --name kube-apiserver -q | xargs crictl stop`',
  });

/** A kind that runs nothing. */
const podTemplate = (images: readonly string[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PodTemplate',
  metadata: {
    name: `ecr-bootstrap-proof-${randomBytes(4).toString('hex')}`,
    namespace: operatorNamespace,
  },
  template: {
    metadata: { labels: { app: 'ecr-bootstrap-proof' } },
    spec: { containers: images.map((image, index) => ({ name: `proof-${index}`, image })) },
  },
});
