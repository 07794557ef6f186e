import type { ChainLink, WhyView } from '../../output/index.ts';
import type { Context } from '../../steps/context.ts';
import { causeOf, type FoundCause } from './causes.ts';
import { chainOf } from './chain.ts';
import type { Evidence } from './evidence.ts';
import { findSubject } from './find.ts';
import { readEvidence } from './read.ts';
import type { Subject } from './subject.ts';

/**
 * Explains why an image cannot be pulled, or a pod does not run.
 * @throws BootstrapError `object-missing`, or `cluster-*` if the object itself cannot be read
 */
export async function explainSubject(subject: Subject, namespace: string, ctx: Context): Promise<WhyView> {
  return viewOf(await readEvidence(await findSubject(subject, namespace, ctx), ctx));
}

export function viewOf(evidence: Evidence): WhyView {
  const { subject, registryHost } = evidence;
  const cause = causeOf(evidence);
  // The host is the same everywhere, and longer than what matters.
  const short = (text: string): string =>
    registryHost === undefined
      ? text
      : text.replace(/(\/\/)?[a-z0-9][a-z0-9.-]+\//g, (host) => (host === `${registryHost}/` ? '' : host));
  const chain = chainOf(evidence);
  return {
    subject,
    verdict: verdictOf(evidence, cause, chain),
    ...(cause && { cause: { ...cause, what: short(cause.what), why: short(cause.why) } }),
    chain: chain.map((link) => ({ ...link, text: short(link.text) })),
  };
}

function verdictOf(
  { pod, refusal }: Evidence,
  cause: FoundCause | undefined,
  chain: readonly ChainLink[],
): WhyView['verdict'] {
  if (pod?.isRunning && refusal === undefined) return 'healthy';
  if (cause) return 'cause-found';
  const { phase } = (pod?.object['status'] ?? {}) as { readonly phase?: string };
  return phase === 'Succeeded' || chain.every(({ state }) => state !== 'unknown') ? 'healthy' : 'unknown';
}
