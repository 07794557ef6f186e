import type { AwsPort } from '../clients/aws/port.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { Run } from '../core/step.ts';

/** The services that steps for IAM users and policies need. */
export interface IamContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly aws: AwsPort;
}

export type IamRun = Run<IamContext>;
