import type { CreationRule } from '../../clients/aws/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Finding } from '../../core/step.ts';
import type { RepositoriesState } from './state.ts';

const commands: Readonly<Record<CreationRule['kind'], string>> = {
  'pull through cache rule': 'aws ecr describe-pull-through-cache-rules',
  'repository creation template': 'aws ecr describe-repository-creation-templates',
};

/** Rules of the registry whose prefix meets the project's: ECR would create repositories there by itself. */
export function creationRuleFindings({ creationRules, project }: RepositoriesState): Finding[] {
  const target = { kind: 'ECR registry', name: `${project}/*` };
  const base = { code: 'creation-rule', target } as const;
  if (creationRules instanceof BootstrapError) {
    const { why, hint } = creationRules;
    return [
      {
        ...base,
        level: 'unknown',
        what: `whether rules of the registry create repositories in ${project}/`,
        why,
        hint,
      },
    ];
  }
  return creationRules
    .filter(({ prefix }) => meets(prefix, project))
    .map(({ kind, prefix }) => ({
      ...base,
      level: 'warning',
      what: `the ${kind} with prefix ${prefix} covers repositories in ${project}/`,
      why: 'ECR can create repositories there by itself, with content and settings that ecr-bootstrap does not manage',
      hint: `Choose another prefix for it, or another project name. \`${commands[kind]}\` prints it.`,
    }));
}

/** `ROOT` stands for every prefix that no other rule has. */
const meets = (prefix: string, project: string): boolean =>
  prefix === 'ROOT' || `${prefix}/`.startsWith(`${project}/`) || `${project}/`.startsWith(`${prefix}/`);
