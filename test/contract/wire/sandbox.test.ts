import { describeContract } from './describe.ts';

describeContract('sandbox');
