import { spoilsOf } from './spoils.ts';
import { matrix } from './matrix.ts';
import { rotation } from './stories.ts';

await matrix(rotation, 'with one request spoilt', spoilsOf);
