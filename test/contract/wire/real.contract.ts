import { describeContract } from './describe.ts';
import type { TargetName } from './target.ts';

for (const name of (process.env['CONTRACT_TARGETS'] ?? '').split(',')) describeContract(name as TargetName);
