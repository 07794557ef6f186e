import { createHash } from 'node:crypto';
import { AwsRefusal } from '../ports.ts';
import type { EcrRegistry, EcrRepository } from '../registry/ecr-registry.ts';
import { ecrImages, type RepositoryInput } from './ecr-images.ts';
import { page, type PageInput } from './paging.ts';
import { addTags, tagList, type Service, type Tag } from './service.ts';

interface ResourceInput {
  readonly resourceArn: string;
}
interface Encryption {
  readonly encryptionType?: string;
  readonly kmsKey?: string;
}

const uuidOf = (text: string): string =>
  createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** The control plane of ECR, on the contents of the registry. */
export function ecr(registry: EcrRegistry): Service {
  const { account, region, host, tokens, repositories, settings } = registry;
  const prefix = `arn:aws:ecr:${region}:${account}:repository/`;

  const find = ({ repositoryName }: RepositoryInput): EcrRepository => {
    const repository = repositories.get(repositoryName);
    if (!repository) {
      const where = `does not exist in the registry with id '${account}'`;
      throw new AwsRefusal(
        'RepositoryNotFoundException',
        `The repository with name '${repositoryName}' ${where}`,
      );
    }
    return repository;
  };
  const findByArn = ({ resourceArn }: ResourceInput) =>
    find({ repositoryName: resourceArn.slice(prefix.length) });
  const nameOf = ({ name }: EcrRepository) => ({ registryId: account, repositoryName: name });

  const view = (repository: EcrRepository) => ({
    ...nameOf(repository),
    repositoryArn: prefix + repository.name,
    repositoryUri: `${host}/${repository.name}`,
    createdAt: new Date(repository.created),
    imageTagMutability: repository.tagMutability,
    imageScanningConfiguration: { scanOnPush: repository.scanOnPush },
    encryptionConfiguration: repository.encryption,
  });
  const lifecyclePolicy = (repository: EcrRepository): { lifecyclePolicyText: string } => {
    if (repository.lifecyclePolicy !== undefined) return { lifecyclePolicyText: repository.lifecyclePolicy };
    throw new AwsRefusal(
      'LifecyclePolicyNotFoundException',
      `Lifecycle policy does not exist for the repository with name '${repository.name}' in the registry with id '${account}'`,
    );
  };

  /** ECR returns the ARN of the key, also for an alias. An alias always has the same ARN. */
  const encryptionOf = ({
    encryptionType = 'AES256',
    kmsKey = 'alias/aws/ecr',
  }: Encryption = {}): Encryption => {
    if (!encryptionType.startsWith('KMS')) return { encryptionType };
    if (/:key\//.test(kmsKey)) return { encryptionType, kmsKey };
    const id = /alias\//.test(kmsKey) ? uuidOf(kmsKey.replace(/^arn:[^/]*:/, '')) : kmsKey;
    return { encryptionType, kmsKey: `arn:aws:kms:${region}:${account}:key/${id}` };
  };

  return {
    name: 'ecr',
    snapshot: () => ecr(registry.copy()),
    target(operation, input: Partial<RepositoryInput & ResourceInput>) {
      if (/Registry|AccountSetting|AuthorizationToken|PullThroughCache|CreationTemplate/.test(operation))
        return { arn: '*' };
      const arn = input.resourceArn ?? `${prefix}${input.repositoryName ?? '*'}`;
      return { arn, tags: repositories.get(arn.slice(prefix.length))?.awsTags };
    },
    operations: {
      ...ecrImages(registry, find),
      GetAuthorizationToken(_: object, { key }) {
        const { token, expires } = tokens.issue(key);
        const authorizationToken = Buffer.from(`AWS:${token}`).toString('base64');
        const proxyEndpoint = `https://${host}`;
        return { authorizationData: [{ authorizationToken, expiresAt: new Date(expires), proxyEndpoint }] };
      },
      DescribeRegistry: () => ({ registryId: account, replicationConfiguration: { rules: [] } }),
      GetAccountSetting: ({ name }: { name: string }) => ({ name, value: settings.get(name) ?? 'DISABLED' }),
      PutAccountSetting({ name, value }: { name: string; value: string }) {
        settings.set(name, value);
        return { name, value };
      },

      CreateRepository(
        input: RepositoryInput & {
          tags?: Tag[];
          imageTagMutability?: string;
          imageScanningConfiguration?: { scanOnPush?: boolean };
          encryptionConfiguration?: Encryption;
        },
      ) {
        const name = input.repositoryName;
        if (!/^(?=.{2,256}$)[a-z0-9]+([._-][a-z0-9]+)*(\/[a-z0-9]+([._-][a-z0-9]+)*)*$/.test(name)) {
          throw new AwsRefusal(
            'InvalidParameterException',
            `Invalid parameter at 'repositoryName' failed to satisfy constraint: '${name}' must satisfy the pattern of repository names`,
          );
        }
        if (repositories.has(name)) {
          const where = `already exists in the registry with id '${account}'`;
          throw new AwsRefusal(
            'RepositoryAlreadyExistsException',
            `The repository with name '${name}' ${where}`,
          );
        }
        const repository = registry.addRepository(name);
        repository.tagMutability = input.imageTagMutability ?? 'MUTABLE';
        repository.scanOnPush = input.imageScanningConfiguration?.scanOnPush ?? false;
        repository.encryption = encryptionOf(input.encryptionConfiguration);
        addTags(repository.awsTags, input.tags);
        return { repository: view(repository) };
      },
      DescribeRepositories(input: PageInput & { repositoryNames?: string[] }) {
        const named = input.repositoryNames?.map((repositoryName) => find({ repositoryName }));
        const { items, nextToken } = page(named ?? [...repositories.values()], input);
        return { repositories: items.map(view), nextToken };
      },
      DeleteRepository(input: RepositoryInput & { force?: boolean }) {
        const repository = find(input);
        if (repository.manifests.size > 0 && !input.force) {
          throw new AwsRefusal(
            'RepositoryNotEmptyException',
            `The repository with name '${repository.name}' in registry with id '${account}' cannot be deleted because it still contains images`,
          );
        }
        repositories.delete(repository.name);
        return { repository: view(repository) };
      },
      TagResource(input: ResourceInput & { tags: Tag[] }) {
        addTags(findByArn(input).awsTags, input.tags);
        return undefined;
      },
      UntagResource(input: ResourceInput & { tagKeys: string[] }) {
        for (const key of input.tagKeys) findByArn(input).awsTags.delete(key);
        return undefined;
      },
      ListTagsForResource: (input: ResourceInput) => ({ tags: tagList(findByArn(input).awsTags) }),
      PutImageTagMutability(input: RepositoryInput & { imageTagMutability: string }) {
        const repository = find(input);
        repository.tagMutability = input.imageTagMutability;
        return { ...nameOf(repository), imageTagMutability: input.imageTagMutability };
      },
      PutImageScanningConfiguration(
        input: RepositoryInput & { imageScanningConfiguration: { scanOnPush?: boolean } },
      ) {
        const repository = find(input);
        repository.scanOnPush = input.imageScanningConfiguration.scanOnPush ?? false;
        return { ...nameOf(repository), imageScanningConfiguration: { scanOnPush: repository.scanOnPush } };
      },
      PutLifecyclePolicy(input: RepositoryInput & { lifecyclePolicyText: string }) {
        const repository = find(input);
        refuseLifecyclePolicy(input.lifecyclePolicyText);
        repository.lifecyclePolicy = input.lifecyclePolicyText;
        return { ...nameOf(repository), ...lifecyclePolicy(repository) };
      },
      GetLifecyclePolicy(input: RepositoryInput) {
        const repository = find(input);
        return { ...nameOf(repository), ...lifecyclePolicy(repository) };
      },
      GetRepositoryPolicy(input: RepositoryInput) {
        const repository = find(input);
        const { policy } = repository;
        if (policy !== undefined) return { ...nameOf(repository), policyText: policy };
        throw new AwsRefusal(
          'RepositoryPolicyNotFoundException',
          `Repository policy does not exist for the repository with name '${repository.name}' in the registry with id '${account}'`,
        );
      },
      SetRepositoryPolicy(input: RepositoryInput & { policyText: string }) {
        const repository = find(input);
        repository.policy = input.policyText;
        return { ...nameOf(repository), policyText: input.policyText };
      },
      DescribePullThroughCacheRules(input: PageInput) {
        const rules = [...registry.cacheRules].map(([ecrRepositoryPrefix, upstreamRegistryUrl]) => ({
          ecrRepositoryPrefix,
          upstreamRegistryUrl,
          registryId: account,
        }));
        const { items, nextToken } = page(rules, input);
        return { pullThroughCacheRules: items, nextToken };
      },
      CreatePullThroughCacheRule(input: { ecrRepositoryPrefix: string; upstreamRegistryUrl: string }) {
        registry.cacheRules.set(input.ecrRepositoryPrefix, input.upstreamRegistryUrl);
        return { ...input, registryId: account, createdAt: new Date(registry.clock.now()) };
      },
      DescribeRepositoryCreationTemplates(input: PageInput) {
        const templates = [...registry.creationTemplates].map(([prefix, appliedFor]) => ({
          prefix,
          appliedFor,
        }));
        const { items, nextToken } = page(templates, input);
        return { registryId: account, repositoryCreationTemplates: items, nextToken };
      },
      CreateRepositoryCreationTemplate({ prefix, appliedFor }: { prefix: string; appliedFor: string[] }) {
        registry.creationTemplates.set(prefix, appliedFor);
        return { registryId: account, repositoryCreationTemplate: { prefix, appliedFor } };
      },
      DeleteLifecyclePolicy(input: RepositoryInput) {
        const repository = find(input);
        const deleted = lifecyclePolicy(repository);
        repository.lifecyclePolicy = undefined;
        return { ...nameOf(repository), ...deleted };
      },
    },
  };
}

/** Source of the length: the service model of botocore, ecr PutLifecyclePolicy. */
function refuseLifecyclePolicy(text: string): void {
  const { rules } = JSON.parse(text) as { rules?: unknown };
  if (text.length >= 100 && text.length <= 30_720 && Array.isArray(rules)) return;
  throw new AwsRefusal(
    'InvalidParameterException',
    "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure'",
  );
}
