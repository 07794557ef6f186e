export { authorityMap } from './authorities.ts';
export { cacheDirectory } from './cache.ts';
export { type Marks, type OperatorSettings, patchCrds, patchObjects } from './operator.ts';
export type { OperatorManifest, OperatorSource } from './port.ts';
export { createOperatorSource, releaseUrl } from './source.ts';
