import { isSea } from 'node:sea';
import type { Command } from 'commander';
import { unlessAborted } from '../core/abort.ts';
import { BootstrapError, exitCodes, reasonOf } from '../core/errors.ts';
import { operatorDeployments, operatorNamespace } from '../core/ownership.ts';
import { ownVersion } from '../core/paths.ts';
import type { ClusterPort } from '../clients/kubernetes/port.ts';
import type { ClusterVersions } from '../output/index.ts';
import type { Session } from '../run/session.ts';
import { examples, type Program } from './command.ts';

export function register(command: Command, program: Program): void {
  command.action(() => program.run(command, showVersions));
  examples(command, [
    ['ecr-bootstrap version', 'Print the versions of the program and the cluster'],
    ['ecr-bootstrap --version', 'Print only the version of the program'],
  ]);
}

/** Milliseconds that the cluster has to respond. */
const requestTimeoutMs = 5_000;

/** Prints the versions to name in a report of a problem. A cluster that is unreachable is not an error. */
async function showVersions(session: Session): Promise<number> {
  await session.reporter.show({
    type: 'version',
    data: {
      program: ownVersion(),
      node: process.versions.node,
      singleFile: isSea(),
      platform: `${process.platform}/${process.arch}`,
      cluster: await clusterVersions(session),
    },
  });
  return exitCodes.done;
}

async function clusterVersions(session: Session): Promise<ClusterVersions> {
  const late = AbortSignal.timeout(requestTimeoutMs);
  const signal = AbortSignal.any([session.signal, late]);
  let known: ClusterVersions = {};
  try {
    // Also with a configuration that is incomplete.
    await session.loaded({ placeholders: true, lenient: true });
    const { cluster } = await session.context();
    const { context, version: kubernetes } = await unlessAborted(signal, () => cluster.info());
    known = { context, kubernetes };
    return { ...known, operator: await unlessAborted(signal, () => operatorVersion(cluster)) };
  } catch (error) {
    session.signal.throwIfAborted();
    if (late.aborted) return { ...known, problem: `no answer within ${requestTimeoutMs / 1000} seconds` };
    if (!(error instanceof BootstrapError)) throw error;
    return { ...known, problem: reasonOf(error) };
  }
}

/** The tag of the operator's image. Null if it is not installed. */
async function operatorVersion(cluster: ClusterPort): Promise<string | null> {
  const deployment = await cluster.get({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: operatorNamespace,
    name: operatorDeployments[0],
  });
  if (!deployment) return null;
  const { template } = (deployment['spec'] ?? {}) as {
    readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } };
  };
  const image = template?.spec?.containers?.[0]?.image ?? '';
  return /:([^:/@]+)(@|$)/.exec(image)?.[1] ?? 'unknown';
}
