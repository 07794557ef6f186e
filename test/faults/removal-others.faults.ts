import { othersAfter } from './others.ts';
import { removal } from './stories.ts';

await othersAfter(removal);
