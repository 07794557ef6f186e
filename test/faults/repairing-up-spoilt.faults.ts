import { spoilsOf } from './spoils.ts';
import { matrix } from './matrix.ts';
import { repairingUp } from './stories.ts';

await matrix(repairingUp, 'with one request spoilt', spoilsOf);
