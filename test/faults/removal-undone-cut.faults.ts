import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { undoneRemoval } from './stories.ts';

await matrix(undoneRemoval, 'cut off', cutsOf);
