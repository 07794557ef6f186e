import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { repairingUp } from './stories.ts';

await matrix(repairingUp, 'cut off', cutsOf);
