// Builds dist, which `npx ecr-bootstrap` runs in a clone.
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

rmSync(path('dist'), { recursive: true, force: true });
await bundle([path('src/cli.ts')], path('dist'));
chmodSync(path('dist/cli.js'), 0o755);
