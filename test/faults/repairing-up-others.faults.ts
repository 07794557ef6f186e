import { othersAfter } from './others.ts';
import { repairingUp } from './stories.ts';

await othersAfter(repairingUp);
