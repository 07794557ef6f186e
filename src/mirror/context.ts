import type { ClusterContext } from '../cluster/context.ts';
import type { Run } from '../core/step.ts';
import type { IamContext } from '../iam/context.ts';
import type { Platforms } from '../core/platform.ts';
import type { WantedImages } from '../images/wanted.ts';
import type { Mirror } from './index.ts';

/** The services that the code for images and repositories uses. */
export interface MirrorContext extends ClusterContext, IamContext {
  readonly mirror: Mirror;
  /** The images to mirror: from the configuration, from files, and from the cluster if it is reachable. */
  wantedImages(): Promise<WantedImages>;
  platforms(): Promise<Platforms>;
}

export type MirrorRun = Run<MirrorContext>;
