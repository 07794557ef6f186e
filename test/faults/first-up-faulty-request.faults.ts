import { requestFaultsOf } from './request-faults.ts';
import { matrix } from './matrix.ts';
import { firstUp } from './stories.ts';

await matrix(firstUp, 'with one faulty request', requestFaultsOf);
