import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { rotation } from './stories.ts';

await matrix(rotation, 'cut off', cutsOf);
