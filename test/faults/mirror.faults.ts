import { cutsOf } from './cuts.ts';
import { matrix } from './matrix.ts';
import { mirroring, mirroringFromFolder, mirroringToFolder } from './mirror-stories.ts';
import { requestFaultsOf } from './request-faults.ts';

await matrix(mirroring, 'cut off', cutsOf);
await matrix(mirroring, 'with one faulty request', requestFaultsOf);
await matrix(mirroringToFolder, 'with one faulty request', requestFaultsOf);
await matrix(mirroringFromFolder, 'cut off', cutsOf);
await matrix(mirroringFromFolder, 'with one faulty request', requestFaultsOf);
