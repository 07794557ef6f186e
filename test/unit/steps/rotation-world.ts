import { operator } from '../../../src/steps/operator.ts';
import { pullSecretDistribution } from '../../../src/steps/pull-secret-distribution.ts';
import { pullSecretRefresh } from '../../../src/steps/pull-secret-refresh.ts';
import { applyStep } from '../../contract/step-contract.ts';
import { OperatorWorld, type WorldOptions } from './operator-world.ts';

/** Starts a world in which the operator runs and does not renew anything yet. */
export async function startWithOperator(options: WorldOptions = {}): Promise<OperatorWorld> {
  const world = await (await OperatorWorld.start(options)).prepare();
  await applyStep(operator, world);
  return world;
}

/** Starts a world in which the operator renews the pull secret in every namespace. */
export async function startWithRotation(options: WorldOptions = {}): Promise<OperatorWorld> {
  const world = await startWithOperator(options);
  await applyStep(pullSecretRefresh, world);
  await applyStep(pullSecretDistribution, world);
  return world;
}
