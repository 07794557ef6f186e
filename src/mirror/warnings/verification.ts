import { randomBytes } from 'node:crypto';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { AdmissionPolicy } from '../../cluster/admission-policy/rollback.ts';
import { effectDeadlineMs } from '../../cluster/admission-policy/verification.ts';
import { operatorNamespace, warningPolicyName } from '../../core/ownership.ts';
import { waitFor } from '../../core/wait.ts';
import { excluding } from '../../images/exclude.ts';
import { parseReference } from '../../images/reference.ts';
import type { MirrorRun } from '../context.ts';
import { warningPolicyRefs } from './policy.ts';

export const warningPolicy: AdmissionPolicy = {
  refs: warningPolicyRefs,
  risk: 'the cluster may be unable to create pods',
  unverifiedHint: 'Run `ecr-bootstrap up` again, or set images.warnings: off.',
};

/** ECR never has it: RFC 2606 reserves the host's top-level domain. */
const missing = 'not-in-ecr.invalid/proof:latest';

/**
 * Verifies by a dry run that an object with a missing image is accepted, with a warning.
 * @throws BootstrapError when it is not
 */
export async function verifyWarnings(run: MirrorRun): Promise<void> {
  const { cluster, config } = run.ctx;
  const isExcluded = excluding(config.images.exclude)(parseReference(missing));
  const what = 'the admission policy to take effect';
  await waitFor(run, { what, deadlineMs: effectDeadlineMs, intervalMs: 500 }, async (pending) => {
    const warnings = await cluster.creationWarnings(podTemplate());
    const isWarned = warnings.some((text) => text.includes(warningPolicyName) && text.includes(missing));
    return isWarned || isExcluded ? true : pending('an image that ECR does not have gets no warning');
  });
}

/** A kind that runs nothing. */
const podTemplate = (): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PodTemplate',
  metadata: {
    name: `ecr-bootstrap-proof-${randomBytes(4).toString('hex')}`,
    namespace: operatorNamespace,
  },
  template: {
    metadata: { labels: { app: 'ecr-bootstrap-proof' } },
    spec: { containers: [{ name: 'proof', image: missing }] },
  },
});
