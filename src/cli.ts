#!/usr/bin/env node
import module from 'node:module';
import { join } from 'node:path';
import { cacheFolder } from './core/paths.ts';

// Node 22.1 and newer keep what V8 made of a package from run to run; most of a short run's time is loading AWS's.
const { enableCompileCache } = module as { readonly enableCompileCache?: (folder: string) => unknown };
enableCompileCache?.(join(cacheFolder(process.env), 'compiled'));

const { run } = await import('./main.ts');
await run();
