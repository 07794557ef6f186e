import { othersAfter } from './others.ts';
import { firstUp } from './stories.ts';

await othersAfter(firstUp);
