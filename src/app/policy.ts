import { exitCodes } from '../errors/index.ts';
import { mergeRules } from './rights.ts';
import type { Session } from './session.ts';

export const policyNames = ['first-run', 'power-user', 'image-puller', 'cluster'] as const;

export type PolicyName = (typeof policyNames)[number];

/** Prints a document that grants rights, from the source that the steps use. Asks nobody. */
export async function printPolicy(session: Session, name: PolicyName): Promise<number> {
  const document = name === 'cluster' ? await clusterRole() : await iamPolicy(session, name);
  await session.reporter.show({ type: 'document', data: { name, document } });
  return exitCodes.done;
}

async function clusterRole(): Promise<object> {
  const { steps } = await import('../steps/index.ts');
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'ecr-bootstrap' },
    rules: mergeRules(steps.flatMap(({ rights = [], removalRights = [] }) => [...rights, ...removalRights])),
  };
}

async function iamPolicy(session: Session, name: Exclude<PolicyName, 'cluster'>): Promise<object> {
  const [{ config }, { policyDocument }] = await Promise.all([
    session.loaded(),
    import('../steps/policies/index.ts'),
  ]);
  return policyDocument(name, config);
}
