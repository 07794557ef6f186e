import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { forcedRotation } from './stories.ts';

await matrix(forcedRotation, 'cut off', cutsOf);
