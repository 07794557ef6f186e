import type { Capability } from '../scenarios/world.ts';
import { versions } from './versions.ts';

const [, minor = 0] = versions.kubernetes.split('.').map(Number);

/** What only labs with certain versions can do. MutatingAdmissionPolicy is served by default since Kubernetes 1.36. */
export const lacking: readonly Capability[] = [
  ...(minor < 36 ? (['serve admission policies'] as const) : []),
  ...(versions.otherOperator === undefined ? [] : (['install the operator'] as const)),
];
