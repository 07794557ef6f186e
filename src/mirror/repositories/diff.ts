import { mayBeSameKey } from '../../clients/aws/kms-key.ts';
import type { Change, Diff, Field, Target, Value } from '../../core/step.ts';
import type { Finding } from '../../core/findings.ts';
import { nameOf } from '../../core/members.ts';
import { BootstrapError } from '../../core/errors.ts';
import { accessFindings } from '../../iam/resource-access.ts';
import { adopting, unknownOwner } from '../../core/ownership.ts';
import { compareTags } from '../../iam/tags.ts';
import { isSameLifecycle } from './lifecycle-compare.ts';
import { lifecycleRisk, parsed } from './lifecycle.ts';
import type { ObservedRepository, RepositoriesState, WantedRepository } from './state.ts';
import type { CreationRule } from '../../clients/aws/port.ts';
import { finding } from '../../core/findings.ts';

export const repositoryKind = 'ECR repository';
export const repositoryTarget = (name: string): Target => ({ kind: repositoryKind, name });

export function diffRepositories(state: RepositoriesState): Diff {
  return {
    changes: state.repositories.flatMap((repository) => changesOf(repository, state)),
    findings: [
      ...state.repositories.flatMap((repository) => [
        ...findingsOf(repository, state),
        ...lifecycleFindings(repository, state),
      ]),
      ...keptSettings(state),
      ...unneededFinding(state),
      ...creationRuleFindings(state),
    ],
  };
}

/** Names of as many repositories as one finding has room for. */
const someOf = (names: readonly string[]): string =>
  names.slice(0, namedAtMost).join(', ') +
  (names.length > namedAtMost ? ` and ${names.length - namedAtMost} more` : '');

/** Of settings that are not in the configuration: it does not show whether they were, so they stay. */
function keptSettings({ settings, repositories }: RepositoriesState): Finding[] {
  const ours = repositories.flatMap(({ seen }) => (seen?.owner === 'ours' ? [seen] : []));
  const withPolicy = ours.filter(({ lifecyclePolicy }) => lifecyclePolicy !== undefined);
  const scanned = ours.filter(({ repository }) => repository.scanOnPush);
  const kept = (
    what: string,
    setting: string,
    command: string,
    seen: readonly ObservedRepository[],
  ): Finding[] => {
    const [first] = seen;
    if (!first) return [];
    const { name } = first.repository;
    return [
      finding('setting-kept', {
        target: repositoryTarget(name),
        what: `${what}: ${someOf(seen.map(({ repository }) => repository.name))}`,
        why: `${setting} is not set, which does not change existing repositories`,
        hint: `To change that, set ${setting}, or run \`aws ecr ${command} --repository-name ${name}\` for each.`,
      }),
    ];
  };
  return [
    ...(settings.lifecyclePolicy
      ? []
      : kept(
          'repositories keep a lifecycle policy',
          'repositories.lifecyclePolicy',
          'delete-lifecycle-policy',
          withPolicy,
        )),
    ...(settings.scanOnPush === undefined
      ? kept(
          'repositories scan images when they are pushed',
          'repositories.scanOnPush',
          'put-image-scanning-configuration --image-scanning-configuration scanOnPush=false',
          scanned,
        )
      : []),
  ];
}

function unneededFinding({ unneeded }: RepositoriesState): Finding[] {
  const [first] = unneeded;
  if (first === undefined) return [];
  return [
    finding('repository-unneeded', {
      target: repositoryTarget(first),
      what: `no image of the configuration or the cluster needs these repositories: ${someOf(unneeded)}`,
      why: 'their images may still be in use by their names in ECR',
      hint: `\`ecr-bootstrap down --delete-images\` deletes them too. To delete one with its images: \`aws ecr delete-repository --force --repository-name ${first}\`.`,
    }),
  ];
}

export const creationOf = (name: string, settings: Pick<RepositoriesState, 'settings' | 'tags'>): Change => ({
  action: 'create',
  target: repositoryTarget(name),
  fields: creationFields(settings),
});

function changesOf({ name, seen, error }: WantedRepository, state: RepositoriesState): Change[] {
  if (error) return [];
  if (!seen) return name === state.operator ? [creationOf(name, state)] : [];
  const target = repositoryTarget(name);
  if (seen.owner === 'other') return [];
  const fields = driftedFields(seen, state);
  if (fields.length === 0) return [];
  const change: Change = { action: 'update', target, fields };
  return [seen.owner === 'ours' ? change : adopting(change, { owner: unknownOwner, optional: true })];
}

function creationFields({ settings, tags }: Pick<RepositoriesState, 'settings' | 'tags'>): Field[] {
  const { tagMutability, scanOnPush, encryption, lifecyclePolicy } = settings;
  return [
    { path: 'tagMutability', to: tagMutability },
    ...(scanOnPush === undefined ? [] : [{ path: 'scanOnPush', to: scanOnPush }]),
    ...(encryption ? [{ path: 'encryption', to: encryption.kmsKey ?? encryption.type }] : []),
    ...(lifecyclePolicy ? [{ path: 'lifecyclePolicy', to: lifecyclePolicy as Value }] : []),
    ...compareTags(tags, {}),
  ];
}

/** The values that the configuration knows; ECR has more, for example IMMUTABLE_WITH_EXCLUSION. */
const isKnownMutability = (value: string): boolean => value === 'MUTABLE' || value === 'IMMUTABLE';

/** A setting that is not configured is not managed. */
function driftedFields(seen: ObservedRepository, { settings, tags }: RepositoriesState): Field[] {
  const { repository } = seen;
  const { tagMutability, scanOnPush, lifecyclePolicy } = settings;
  const fields = compareTags(tags, seen.tags);
  if (repository.tagMutability !== tagMutability && isKnownMutability(repository.tagMutability)) {
    fields.push({ path: 'tagMutability', from: repository.tagMutability, to: tagMutability });
  }
  if (scanOnPush !== undefined && repository.scanOnPush !== scanOnPush) {
    fields.push({ path: 'scanOnPush', from: repository.scanOnPush, to: scanOnPush });
  }
  const seenPolicy = seen.lifecyclePolicy === undefined ? undefined : (parsed(seen.lifecyclePolicy) as Value);
  if (lifecyclePolicy && !isSameLifecycle(seenPolicy, lifecyclePolicy)) {
    fields.push({ path: 'lifecyclePolicy', from: seenPolicy, to: lifecyclePolicy as Value });
  }
  return fields;
}

function findingsOf({ name, seen, error }: WantedRepository, state: RepositoriesState): Finding[] {
  if (error) {
    const { what, why, hint } = error;
    return [finding('repository-unknown', { target: repositoryTarget(name), what, why, hint })];
  }
  if (!seen) return [];
  return [
    ...unmanagedRepositoryFinding(seen),
    ...accessFindings(repositoryTarget(name), seen.access),
    ...mutabilityFinding(seen),
    ...encryptionFinding(seen, state),
  ];
}

/** As many images are named; the rest are counted. */
const namedAtMost = 3;

/** Of the policy that the repository has, or gets with this configuration. */
function lifecycleFindings(
  { name, images, seen, error }: WantedRepository,
  state: RepositoriesState,
): Finding[] {
  if (error) return [];
  if (seen?.lifecycleDenied) return [unknownLifecycle(name, seen.lifecycleDenied)];
  const isManaged = seen === undefined || seen.owner === 'ours';
  const policy = (isManaged ? state.settings.lifecyclePolicy : undefined) ?? seen?.lifecyclePolicy;
  if (policy === undefined) return [];
  const { images: atRisk, rules, unclear } = lifecycleRisk(policy, images);
  const place =
    policy === seen?.lifecyclePolicy
      ? `\`aws ecr get-lifecycle-policy --repository-name ${name}\` prints it`
      : 'it is in repositories.lifecyclePolicy';
  const findings: Finding[] = [];
  if (atRisk.length > 0) {
    const named = atRisk.slice(0, namedAtMost).map(({ source }) => source);
    const rest = atRisk.length > named.length ? ` and ${atRisk.length - named.length} more` : '';
    findings.push(
      finding('lifecycle-risk', {
        target: repositoryTarget(name),
        what: `the lifecycle policy of ${name} can remove images in use: ${named.join(', ')}${rest}`,
        why: `${rules.join('; ')}. A node that has an image in its cache does not pull it, so an old image may be in use`,
        hint: `Remove the rule, or keep the tags in use by a rule with a lower rulePriority and a high imageCountMoreThan; ${place}.`,
      }),
    );
  }
  if (unclear.length > 0) {
    findings.push(
      finding('lifecycle-risk', {
        target: repositoryTarget(name),
        what: `the lifecycle policy of ${name} could not be judged`,
        why: `${unclear.slice(0, namedAtMost).join('; ')}; it may remove images in use`,
        hint: `Check what it selects; ${place}.`,
      }),
    );
  }
  return findings;
}

const unknownLifecycle = (name: string, { why, hint }: BootstrapError): Finding =>
  finding('lifecycle-risk', {
    target: repositoryTarget(name),
    what: `the lifecycle policy of ${name} could not be read`,
    why: `${why}. If it has one, that policy may remove images in use`,
    hint,
  });

function unmanagedRepositoryFinding({ owner, repository: { name } }: ObservedRepository): Finding[] {
  if (owner === 'ours') return [];
  return [
    finding('repository-foreign', {
      target: repositoryTarget(name),
      what: `repository ${name} is used and not changed`,
      why: owner === 'other' ? 'it is of another project or region' : 'it does not bear our tags',
      hint: `Nothing has to be done. To have its settings kept: \`ecr-bootstrap up --adopt '${nameOf(repositoryTarget(name))}'\`.`,
    }),
  ];
}

function mutabilityFinding({ repository: { name, tagMutability } }: ObservedRepository): Finding[] {
  if (isKnownMutability(tagMutability)) return [];
  return [
    finding('repository-setting', {
      target: repositoryTarget(name),
      what: `repository ${name} keeps its tag mutability ${tagMutability}`,
      why: 'repositories.tagMutability manages MUTABLE and IMMUTABLE only',
      hint: `To have it managed again: \`aws ecr put-image-tag-mutability --repository-name ${name} --image-tag-mutability MUTABLE\`.`,
    }),
  ];
}

/** ECR cannot change a repository's encryption, and images are not ours to lose. */
function encryptionFinding({ repository }: ObservedRepository, { settings }: RepositoriesState): Finding[] {
  const { encryption: wanted } = settings;
  if (!wanted) return [];
  const { encryption, kmsKey } = repository;
  const isKey = !wanted.kmsKey || (kmsKey !== undefined && mayBeSameKey(wanted.kmsKey, kmsKey));
  // A newer kind of KMS encryption is one all the same.
  const isType = wanted.type === encryption || (wanted.type === 'KMS' && encryption.startsWith('KMS'));
  if (isType && isKey) return [];
  return [
    finding('repository-encryption', {
      target: repositoryTarget(repository.name),
      what: `repository ${repository.name} is encrypted with ${repository.kmsKey ?? repository.encryption}, not ${wanted.kmsKey ?? wanted.type}`,
      why: 'ECR cannot change the encryption of a repository',
      hint: `To have it, delete the repository and run \`ecr-bootstrap up\` again: \`aws ecr delete-repository --force --repository-name ${repository.name}\` deletes its images too.`,
    }),
  ];
}

const commands: Readonly<Record<CreationRule['kind'], string>> = {
  'pull through cache rule': 'aws ecr describe-pull-through-cache-rules',
  'repository creation template': 'aws ecr describe-repository-creation-templates',
};

/** Rules of the registry whose prefix meets the project's: ECR would create repositories there by itself. */
function creationRuleFindings({ creationRules, project }: RepositoriesState): Finding[] {
  const target = { kind: 'ECR registry', name: `${project}/*` };
  if (creationRules instanceof BootstrapError) {
    const { why, hint } = creationRules;
    return [
      finding('creation-rule', {
        level: 'unknown',
        target,
        what: `whether rules of the registry create repositories in ${project}/`,
        why,
        hint,
      }),
    ];
  }
  return creationRules
    .filter(({ prefix }) => meets(prefix, project))
    .map(({ kind, prefix }) =>
      finding('creation-rule', {
        target,
        what: `the ${kind} with prefix ${prefix} covers repositories in ${project}/`,
        why: 'ECR can create repositories there by itself, with content and settings that ecr-bootstrap does not manage',
        hint: `Choose another prefix for it, or another project name. \`${commands[kind]}\` prints it.`,
      }),
    );
}

/** `ROOT` stands for every prefix that no other rule has. */
const meets = (prefix: string, project: string): boolean =>
  prefix === 'ROOT' || `${prefix}/`.startsWith(`${project}/`) || `${project}/`.startsWith(`${prefix}/`);
