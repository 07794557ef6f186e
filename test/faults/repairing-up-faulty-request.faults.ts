import { requestFaultsOf } from './request-faults.ts';
import { matrix } from './matrix.ts';
import { repairingUp } from './stories.ts';

await matrix(repairingUp, 'with one faulty request', requestFaultsOf);
