import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { forcedRotationAgain } from './stories.ts';

await matrix(forcedRotationAgain, 'cut off', cutsOf);
