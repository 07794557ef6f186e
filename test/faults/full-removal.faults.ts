import { matrix } from './matrix.ts';
import { denialsOf } from './request-faults.ts';
import { fullRemoval } from './stories.ts';

await matrix(fullRemoval, 'with one request denied or its answer lost', denialsOf);
