import { othersAfter } from './others.ts';
import { rotation } from './stories.ts';

await othersAfter(rotation);
