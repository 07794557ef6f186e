import type { Command } from 'commander';
import { contextNamespace } from '../clients/kubernetes/kubeconfig.ts';
import { unlessAborted } from '../core/abort.ts';
import { exitCodes } from '../core/errors.ts';
import { showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';
import { explainSubject } from '../run/why/index.ts';
import { parseSubject } from '../run/why/subject.ts';
import { examples, type Program } from './command.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('<object-or-image>', 'TYPE/NAME or an image, for example deployment/web or nginx:1.28')
    .argument('[name]', 'the name, if the first argument is only a type')
    .option('-n, --namespace <name>', 'namespace of the object (default: that of the context)')
    .action((first: string, name: string | undefined, options: WhyOptions) =>
      program.run(command, (session) => why(session, name === undefined ? [first] : [first, name], options)),
    );
  command.addHelpText(
    'after',
    `
The types are pod, deployment, statefulset, daemonset, replicaset, job, cronjob,
replicationcontroller, podtemplate and node, with the plural and short names of
kubectl. Of several pods, one that fails is explained. Exits 0 if the pod runs
or could be pulled, 3 with a cause, and 1 if there is no such object or the
answer is unknown.`,
  );
  examples(command, [
    ['ecr-bootstrap why pod/web-7d9c5b-x2x4z -n shop', 'Explain why a pod does not run'],
    ['ecr-bootstrap why deploy/web -n shop', 'Explain the pods of a Deployment'],
    ['ecr-bootstrap why nginx:1.28', 'Explain whether nodes can pull an image'],
    ['ecr-bootstrap why node/worker-1', 'Explain whether a node pulls from ECR'],
    ['ecr-bootstrap why pod/web -n shop -o json', 'Use in scripts: exits 3 with a cause'],
  ]);
}

const exitCodeOf = {
  healthy: exitCodes.done,
  'cause-found': exitCodes.drift,
  unknown: exitCodes.failed,
} as const;

export interface WhyOptions {
  readonly namespace?: string;
}

/** Explains why an image cannot be pulled. Resolves to the exit code. */
export async function why(
  session: Session,
  args: readonly string[],
  { namespace }: WhyOptions,
): Promise<number> {
  const subject = parseSubject(args);
  const ctx = await session.context();
  showReading(session);
  const given = namespace === '' ? undefined : namespace;
  const where = given ?? (await contextNamespace(ctx.config.cluster)) ?? 'default';
  const data = await unlessAborted(session.signal, () => explainSubject(subject, where, ctx));
  await session.reporter.show({ type: 'why', data });
  return exitCodeOf[data.verdict];
}
