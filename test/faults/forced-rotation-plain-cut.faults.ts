import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { forcedRotationThenPlain } from './stories.ts';

await matrix(forcedRotationThenPlain, 'cut off', cutsOf);
