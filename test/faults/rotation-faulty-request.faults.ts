import { requestFaultsOf } from './request-faults.ts';
import { matrix } from './matrix.ts';
import { rotation } from './stories.ts';

await matrix(rotation, 'with one faulty request', requestFaultsOf);
