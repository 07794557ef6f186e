import { othersAfter } from './others.ts';
import { forcedRotation } from './stories.ts';

await othersAfter(forcedRotation);
