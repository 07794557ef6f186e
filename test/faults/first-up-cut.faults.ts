import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { firstUp } from './stories.ts';

await matrix(firstUp, 'cut off', cutsOf);
