import { spoilsOf } from './spoils.ts';
import { matrix } from './matrix.ts';
import { removal } from './stories.ts';

await matrix(removal, 'with one request spoilt', spoilsOf);
