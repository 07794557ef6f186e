import { spoilsOf } from './spoils.ts';
import { matrix } from './matrix.ts';
import { firstUp } from './stories.ts';

await matrix(firstUp, 'with one request spoilt', spoilsOf);
