import { mayBeSameKey } from '../../clients/aws/kms-key.ts';
import type { Value } from '../../core/schemas.ts';
import type { Diff, Field } from '../../core/step.ts';
import { nameOf, type Target } from '../../core/target.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { BootstrapError } from '../../core/errors.ts';
import { accessFindings } from '../../iam/resource-access.ts';
import { asAdoption, unknownOwner } from '../../core/ownership.ts';
import { compareTags } from '../../iam/tags.ts';
import { sourceHost } from '../../images/wanted.ts';
import { isSameLifecycle } from './lifecycle-compare.ts';
import { lifecycleRisk, parsed } from './lifecycle.ts';
import {
  isReserved,
  type ObservedRepository,
  type RepositoriesState,
  type RepositoryChange,
  type RepositoryCreation,
  type RepositoryRepairs,
  settingsOf,
  type WantedRepository,
} from './state.ts';
import type { CreationRule, Tags } from '../../clients/aws/port.ts';

export const repositoryTarget = (name: string): Target => ({ kind: 'ECR repository', name });

export function diffRepositories(state: RepositoriesState): Diff<RepositoryChange> {
  return {
    changes: [
      ...mountingChange(state),
      ...state.repositories.flatMap((repository) => changesOf(repository, state)),
    ],
    findings: [
      ...mountingFinding(state),
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

const registryTarget = { kind: 'ECR registry', name: 'BLOB_MOUNTING' } as const;

function mountingChange({ blobMounting }: RepositoriesState): RepositoryChange[] {
  if (blobMounting !== false) return [];
  return [
    {
      action: 'update',
      target: registryTarget,
      fields: [{ path: 'value', from: 'DISABLED', to: 'ENABLED' }],
      reason: 'for all repositories of the account in this region',
      payload: { does: 'enable-blob-mounting' },
    },
  ];
}

function mountingFinding({ blobMounting }: RepositoriesState): Finding[] {
  if (blobMounting !== 'unknown') return [];
  return [
    finding('blob-mounting-off', {
      level: 'unknown',
      target: registryTarget,
      what: 'could not check whether ECR mounts blobs, as aws.blobMounting configures',
      why: "the account's setting BLOB_MOUNTING cannot be read, or does not exist in this region",
      hint: 'Check it: `aws ecr get-account-setting --name BLOB_MOUNTING`. To leave the setting alone, remove aws.blobMounting.',
    }),
  ];
}

/** The first names, and how many more there are. */
const listed = (names: readonly string[]): string =>
  names.slice(0, maxListed).join(', ') +
  (names.length > maxListed ? ` and ${names.length - maxListed} more` : '');

/** Settings that are not in the configuration stay: nothing shows whether they were in it before. */
function keptSettings({ settings, repositories }: RepositoriesState): Finding[] {
  const managed = repositories.flatMap(({ observed }) =>
    observed?.ownership === 'managed' ? [observed] : [],
  );
  const withPolicy = managed.filter(({ lifecyclePolicy }) => lifecyclePolicy !== undefined);
  const scanned = managed.filter(({ repository }) => repository.scanOnPush);
  const kept = (
    what: string,
    setting: string,
    command: string,
    observed: readonly ObservedRepository[],
  ): Finding[] => {
    const [first] = observed;
    if (!first) return [];
    const { name } = first.repository;
    return [
      finding('setting-kept', {
        target: repositoryTarget(name),
        what: `${what}: ${listed(observed.map(({ repository }) => repository.name))}`,
        why: `${setting} is not configured, so existing repositories keep it`,
        hint: `Set ${setting}, or run for each repository: \`aws ecr ${command} --repository-name ${name}\`.`,
      }),
    ];
  };
  return [
    ...(settings.lifecyclePolicy
      ? []
      : kept(
          'these repositories keep their lifecycle policy',
          'repositories.lifecyclePolicy',
          'delete-lifecycle-policy',
          withPolicy,
        )),
    ...(settings.scanOnPush === undefined
      ? kept(
          'these repositories keep scanning images on push',
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
    finding('repository-unused', {
      target: repositoryTarget(first),
      what: `these repositories have no image that the cluster uses or the configuration lists: ${listed(unneeded)}`,
      why: 'workloads may still use their images by the names in ECR',
      hint: `To delete one with its images, run \`aws ecr delete-repository --force --repository-name ${first}\`. \`ecr-bootstrap down --delete-images\` deletes them too.`,
    }),
  ];
}

export const creationOf = (
  name: string,
  state: Pick<RepositoriesState, 'settings' | 'tags' | 'project'>,
): RepositoryCreation => ({
  action: 'create',
  target: repositoryTarget(name),
  topic: 'repositories',
  fields: creationFields(settingsOf(name, state), state.tags),
  payload: { does: 'create', name },
});

function changesOf(
  { name, images, observed, error }: WantedRepository,
  state: RepositoriesState,
): RepositoryChange[] {
  if (error) return [];
  if (!observed) {
    const label = images[0] && { label: sourceHost(images[0]) };
    return name === state.operator ? [{ ...creationOf(name, state), ...label }] : [];
  }
  const target = repositoryTarget(name);
  if (observed.ownership === 'other-project') return [];
  const fields = driftedFields(observed, state);
  if (fields.length === 0) return [];
  const payload = { does: 'update', name, repairs: repairsOf(observed, state) } as const;
  const change: RepositoryChange = { action: 'update', target, fields, payload };
  return [
    observed.ownership === 'managed' ? change : asAdoption(change, { owner: unknownOwner, optional: true }),
  ];
}

function creationFields(settings: Settings, tags: Tags): Field[] {
  const { tagMutability, scanOnPush, encryption, lifecyclePolicy } = settings;
  return [
    { path: 'tagMutability', to: tagMutability },
    ...(scanOnPush === undefined ? [] : [{ path: 'scanOnPush', to: scanOnPush }]),
    ...(encryption ? [{ path: 'encryption', to: encryption.kmsKey ?? encryption.type }] : []),
    ...(lifecyclePolicy ? [{ path: 'lifecyclePolicy', to: lifecyclePolicy as Value }] : []),
    ...compareTags(tags, {}),
  ];
}

/** A value that cannot be configured stays, for example IMMUTABLE_WITH_EXCLUSION. */
const isMutabilityManaged = (
  { repository: { name, tagMutability } }: ObservedRepository,
  { project }: RepositoriesState,
): boolean => isReserved(name, project) || tagMutability === 'MUTABLE' || tagMutability === 'IMMUTABLE';

/** Settings that are not configured are not managed. */
function driftedFields(observed: ObservedRepository, state: RepositoriesState): Field[] {
  const { repository } = observed;
  const settings = settingsOf(repository.name, state);
  const { tagMutability, scanOnPush, lifecyclePolicy } = settings;
  const fields = compareTags(state.tags, observed.tags);
  if (hasOtherMutability(observed, state)) {
    fields.push({ path: 'tagMutability', from: repository.tagMutability, to: tagMutability });
  }
  if (hasOtherScanning(observed, settings)) {
    fields.push({ path: 'scanOnPush', from: repository.scanOnPush, to: scanOnPush });
  }
  if (hasOtherLifecycle(observed, settings)) {
    fields.push({ path: 'lifecyclePolicy', from: currentPolicy(observed), to: lifecyclePolicy as Value });
  }
  return fields;
}

/** What writes the drifted settings. */
function repairsOf(observed: ObservedRepository, state: RepositoriesState): RepositoryRepairs {
  const { tags } = state;
  const settings = settingsOf(observed.repository.name, state);
  const { tagMutability, scanOnPush, lifecyclePolicy } = settings;
  return {
    arn: observed.repository.arn,
    ...(compareTags(tags, observed.tags).length > 0 && { tags }),
    ...(hasOtherMutability(observed, state) && { tagMutability }),
    ...(scanOnPush !== undefined && hasOtherScanning(observed, settings) && { scanOnPush }),
    ...(hasOtherLifecycle(observed, settings) && { lifecyclePolicy: JSON.stringify(lifecyclePolicy) }),
  };
}

type Settings = RepositoriesState['settings'];

const hasOtherMutability = (observed: ObservedRepository, state: RepositoriesState): boolean =>
  isMutabilityManaged(observed, state) &&
  observed.repository.tagMutability !== settingsOf(observed.repository.name, state).tagMutability;

const hasOtherScanning = ({ repository }: ObservedRepository, { scanOnPush }: Settings): boolean =>
  scanOnPush !== undefined && repository.scanOnPush !== scanOnPush;

const hasOtherLifecycle = (observed: ObservedRepository, { lifecyclePolicy }: Settings): boolean =>
  lifecyclePolicy !== undefined && !isSameLifecycle(currentPolicy(observed), lifecyclePolicy);

const currentPolicy = ({ lifecyclePolicy }: ObservedRepository): Value =>
  lifecyclePolicy === undefined ? undefined : (parsed(lifecyclePolicy) as Value);

function findingsOf({ name, observed, error }: WantedRepository, state: RepositoriesState): Finding[] {
  if (error) {
    const { what, why, hint } = error;
    return [finding('repository-unknown', { target: repositoryTarget(name), what, why, hint })];
  }
  if (!observed) return [];
  return [
    ...unmanagedRepositoryFinding(observed),
    ...accessFindings(repositoryTarget(name), observed.access),
    ...mutabilityFinding(observed, state),
    ...encryptionFinding(observed, state),
  ];
}

/** Names listed in one finding; the rest are counted. */
const maxListed = 3;

/** Checks the repository's policy, or the configured one that it will get. */
function lifecycleFindings(
  { name, images, observed, error }: WantedRepository,
  state: RepositoriesState,
): Finding[] {
  if (error) return [];
  if (observed?.lifecycleDenied) return [unknownLifecycle(name, observed.lifecycleDenied)];
  const isManaged = observed === undefined || observed.ownership === 'managed';
  const policy = (isManaged ? state.settings.lifecyclePolicy : undefined) ?? observed?.lifecyclePolicy;
  if (policy === undefined) return [];
  const { images: atRisk, rules, unclear } = lifecycleRisk(policy, images);
  const location =
    policy === observed?.lifecyclePolicy
      ? `\`aws ecr get-lifecycle-policy --repository-name ${name}\` prints the policy`
      : 'the policy is in repositories.lifecyclePolicy';
  const findings: Finding[] = [];
  if (atRisk.length > 0) {
    const named = atRisk.slice(0, maxListed).map(({ source }) => source);
    const rest = atRisk.length > named.length ? ` and ${atRisk.length - named.length} more` : '';
    findings.push(
      finding('lifecycle-risk', {
        target: repositoryTarget(name),
        what: `the lifecycle policy of ${name} can remove images in use: ${named.join(', ')}${rest}`,
        why: `${rules.join('; ')}. Nodes do not pull images that they have cached, so an image in use may be old`,
        hint: `Remove the rule, or keep the tags with a rule of lower rulePriority and a high imageCountMoreThan; ${location}.`,
      }),
    );
  }
  if (unclear.length > 0) {
    findings.push(
      finding('lifecycle-risk', {
        target: repositoryTarget(name),
        what: `ecr-bootstrap does not understand the lifecycle policy of ${name}`,
        why: `${unclear.slice(0, maxListed).join('; ')}; the policy may remove images in use`,
        hint: `Check which images it selects; ${location}.`,
      }),
    );
  }
  return findings;
}

const unknownLifecycle = (name: string, { why, hint }: BootstrapError): Finding =>
  finding('lifecycle-risk', {
    target: repositoryTarget(name),
    what: `the lifecycle policy of ${name} could not be read`,
    why: `${why}. The policy, if any, may remove images in use`,
    hint,
  });

function unmanagedRepositoryFinding({ ownership, repository: { name } }: ObservedRepository): Finding[] {
  if (ownership === 'managed') return [];
  return [
    finding('repository-unmanaged', {
      target: repositoryTarget(name),
      what: `repository ${name} is used but not managed by ecr-bootstrap`,
      why:
        ownership === 'other-project'
          ? 'it has the tags of another project or region'
          : 'it does not have the tags of ecr-bootstrap',
      hint: `To let ecr-bootstrap manage its settings, run \`ecr-bootstrap up --adopt '${nameOf(repositoryTarget(name))}'\`. Otherwise do nothing.`,
    }),
  ];
}

function mutabilityFinding(observed: ObservedRepository, state: RepositoriesState): Finding[] {
  if (isMutabilityManaged(observed, state)) return [];
  const { name, tagMutability } = observed.repository;
  return [
    finding('repository-setting', {
      target: repositoryTarget(name),
      what: `repository ${name} keeps its tag mutability ${tagMutability}`,
      why: 'repositories.tagMutability manages MUTABLE and IMMUTABLE only',
      hint: `To let ecr-bootstrap manage it again, run \`aws ecr put-image-tag-mutability --repository-name ${name} --image-tag-mutability MUTABLE\`.`,
    }),
  ];
}

/** ECR cannot change a repository's encryption, and recreating the repository would delete its images. */
function encryptionFinding({ repository }: ObservedRepository, { settings }: RepositoriesState): Finding[] {
  const { encryption: wanted } = settings;
  if (!wanted) return [];
  const { encryption, kmsKey } = repository;
  const isKey = !wanted.kmsKey || (kmsKey !== undefined && mayBeSameKey(wanted.kmsKey, kmsKey));
  // Newer kinds of KMS encryption count as KMS.
  const isType = wanted.type === encryption || (wanted.type === 'KMS' && encryption.startsWith('KMS'));
  if (isType && isKey) return [];
  return [
    finding('repository-encryption', {
      target: repositoryTarget(repository.name),
      what: `repository ${repository.name} is encrypted with ${repository.kmsKey ?? repository.encryption}, not ${wanted.kmsKey ?? wanted.type}`,
      why: 'ECR cannot change the encryption of a repository',
      hint: `To change it, delete the repository with its images: \`aws ecr delete-repository --force --repository-name ${repository.name}\`. Then run \`ecr-bootstrap up\`.`,
    }),
  ];
}

const commands: Readonly<Record<CreationRule['kind'], string>> = {
  'pull through cache rule': 'aws ecr describe-pull-through-cache-rules',
  'repository creation template': 'aws ecr describe-repository-creation-templates',
};

/** Rules of the registry with a prefix that overlaps the project's: ECR itself would create repositories there. */
function creationRuleFindings({ creationRules, project }: RepositoriesState): Finding[] {
  const target = { kind: 'ECR registry', name: `${project}/*` };
  if (creationRules instanceof BootstrapError) {
    const { why, hint } = creationRules;
    return [
      finding('creation-rule', {
        level: 'unknown',
        target,
        what: `could not check whether rules of the registry create repositories in ${project}/`,
        why,
        hint,
      }),
    ];
  }
  return creationRules
    .filter(({ prefix }) => overlaps(prefix, project))
    .map(({ kind, prefix }) =>
      finding('creation-rule', {
        target,
        what: `the ${kind} with prefix ${prefix} covers repositories in ${project}/`,
        why: 'ECR itself can create repositories there, with content and settings that ecr-bootstrap does not manage',
        hint: `Choose another prefix for the rule, or another project name. \`${commands[kind]}\` prints the rule.`,
      }),
    );
}

/** `ROOT` means every prefix without a rule of its own. */
const overlaps = (prefix: string, project: string): boolean =>
  prefix === 'ROOT' || `${prefix}/`.startsWith(`${project}/`) || `${project}/`.startsWith(`${prefix}/`);
