import { requestFaultsOf } from './request-faults.ts';
import { matrix } from './matrix.ts';
import { removal } from './stories.ts';

await matrix(removal, 'with one faulty request', requestFaultsOf);
