import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { removal } from './stories.ts';

await matrix(removal, 'cut off', cutsOf);
