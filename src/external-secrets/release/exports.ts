export { authorityMap } from './authorities.ts';
export { type OperatorSettings, patchCrds, patchObjects } from './operator.ts';
export type { OperatorManifest } from './port.ts';
export { releasedNames, releasedRefs } from './release.ts';
export { createOperatorSource, releaseUrl } from './source.ts';
