#!/usr/bin/env node
import module from 'node:module';
import { join } from 'node:path';
import { cacheFolder } from './core/paths.ts';

// Node 22.1 and newer can cache compiled code between runs. A short run spends most of its time loading the AWS
// SDK.
const { enableCompileCache } = module as { readonly enableCompileCache?: (folder: string) => unknown };
enableCompileCache?.(join(cacheFolder(process.env), 'compiled'));

void import('./main.ts').then(({ run }) => run());
