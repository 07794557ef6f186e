import type { Service } from '../request.ts';
import type { Capabilities, Target, TargetName } from '../target.ts';

/** The prefix of all names that a run creates, so that leftovers of a broken run can be found. */
export const runPrefix = 'ecr-bootstrap-contract-';

const controlPlane = ['sts', 'iam', 'ecr', 'secretsmanager'] as const;

/** The services of each target. */
export const offers: Readonly<Record<TargetName, readonly Service[]>> = {
  sandbox: [...controlPlane, 'ecr-registry', 'registry', 'bearer-registry', 'kubernetes'],
  moto: controlPlane,
  'docker-registry': ['ecr-registry', 'registry', 'bearer-registry'],
  kubernetes: ['kubernetes'],
  aws: [...controlPlane, 'ecr-registry'],
};

/** The capabilities of each target. */
export const capabilities: Readonly<Record<TargetName, readonly (keyof Capabilities)[]>> = {
  sandbox: [
    'throttle',
    'mountBlobs',
    'expiredSession',
    'expiredEcrToken',
    'expiredBearer',
    'issuesSessions',
    'dockerHub',
  ],
  moto: [],
  'docker-registry': ['mountBlobs', 'expiredBearer'],
  kubernetes: ['throttle'],
  aws: ['issuesSessions'],
};

export async function startTarget(name: TargetName): Promise<Target> {
  switch (name) {
    case 'sandbox':
      return (await import('./sandbox.ts')).startSandboxTarget();
    case 'moto':
      return (await import('./moto.ts')).startMoto();
    case 'docker-registry':
      return (await import('./docker-registry.ts')).startDockerRegistry();
    case 'kubernetes':
      return (await import('./kubernetes.ts')).startKubernetes();
    case 'aws': {
      const { awsOptions, startAws } = await import('./aws.ts');
      return startAws(await awsOptions());
    }
  }
}
