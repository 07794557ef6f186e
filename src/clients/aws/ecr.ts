import type { ECR, ImageDetail, ImageIdentifier, Repository as SdkRepository } from '@aws-sdk/client-ecr';
import { onceFulfilled } from '../../core/once.ts';
import { Secret } from '../../core/secret.ts';
import { undefinedIfAbsent, createdOrExists } from './errors.ts';
import { readActiveImages, readManifests } from './ecr-manifests.ts';
import type { CreationRule, EcrPort, ImageId, ListedImage, RegistryToken, Repository } from './port.ts';
import { isDigest } from '../registry/digest.ts';
import { checkLogin } from '../registry/token-check.ts';
import { allPages, tagList, tagRecord, type AwsSession } from './session.ts';

/** Maximum page size of DescribeRepositories and DescribeImages. */
const pageSize = 1000;
/** Attempts of the reads that are repeated for each repository, unless `AWS_MAX_ATTEMPTS` sets another number. */
const maxAttempts = 10;

export function createEcr(session: AwsSession): EcrPort {
  const { call, settings, options } = session;
  const client = onceFulfilled(async () => new (await import('@aws-sdk/client-ecr')).ECR(settings));
  // Adaptive retries: the SDK adjusts its rate when AWS throttles. For reads that are repeated for each repository.
  const adaptiveClient = onceFulfilled(async () => {
    const { ECR } = await import('@aws-sdk/client-ecr');
    const attempts = process.env['AWS_MAX_ATTEMPTS'] ? {} : { maxAttempts };
    return new ECR({ ...settings, retryMode: 'adaptive', ...attempts });
  });
  const readAdaptively = <T>(action: string, what: string, send: (ecr: ECR) => Promise<T>) =>
    call(`ecr:${action}`, what, async () => send(await adaptiveClient()));
  const read = <T>(action: string, what: string, send: (ecr: ECR) => Promise<T>) =>
    call(`ecr:${action}`, what, async () => send(await client()));
  const write = async (action: string, what: string, send: (ecr: ECR) => Promise<unknown>): Promise<void> => {
    await read(action, what, send);
  };
  let host: Promise<string> | undefined;

  const token = async (): Promise<RegistryToken> => {
    const answer = await read('GetAuthorizationToken', 'get a token for ECR', (ecr) =>
      ecr.getAuthorizationToken({}),
    );
    const registryToken = toToken(answer.authorizationData?.[0]);
    host = Promise.resolve(registryToken.host);
    return registryToken;
  };

  return {
    token,
    registryHost: () =>
      (host ??= token().then(
        (registryToken) => registryToken.host,
        (error: unknown) => {
          host = undefined;
          throw error;
        },
      )),
    checkToken: ({ host, ...login }, repository) =>
      checkLogin(options.net, {
        ...{ host, login, repository },
        codes: { unreachable: 'aws-unreachable', failed: 'aws-failed' },
      }),
    repositories: () =>
      read('DescribeRepositories', 'list the repositories in ECR', (ecr) =>
        allPages(async (nextToken) => {
          const page = await ecr.describeRepositories({
            maxResults: pageSize,
            ...(nextToken ? { nextToken } : {}),
          });
          return { items: page.repositories?.map(toRepository), next: page.nextToken };
        }),
      ),
    createRepository: ({ name, tags, tagMutability, scanOnPush, encryption }) =>
      createdOrExists(
        'RepositoryAlreadyExists',
        write('CreateRepository', `create repository ${name}`, (ecr) =>
          ecr.createRepository({
            repositoryName: name,
            tags: tagList(tags),
            imageTagMutability: tagMutability as 'MUTABLE',
            ...(scanOnPush === undefined ? {} : { imageScanningConfiguration: { scanOnPush } }),
            ...(encryption
              ? {
                  encryptionConfiguration: {
                    encryptionType: encryption.type as 'KMS',
                    ...(encryption.kmsKey ? { kmsKey: encryption.kmsKey } : {}),
                  },
                }
              : {}),
          }),
        ),
      ),
    deleteRepository: async (name) => {
      await undefinedIfAbsent(
        ['RepositoryNotFound'],
        write('DeleteRepository', `delete repository ${name}`, (ecr) =>
          ecr.deleteRepository({ repositoryName: name, force: true }),
        ),
      );
    },
    images: async (name) => {
      const found = await undefinedIfAbsent(
        ['RepositoryNotFound'],
        readAdaptively('DescribeImages', `list the images of repository ${name}`, (ecr) =>
          allPages(async (nextToken) => {
            const page = await ecr.describeImages({
              repositoryName: name,
              maxResults: pageSize,
              // By default, ECR lists no archived images.
              filter: { imageStatus: 'ANY' },
              ...(nextToken ? { nextToken } : {}),
            });
            return { items: page.imageDetails?.flatMap(toListedImage), next: page.nextToken };
          }),
        ),
      );
      return found ?? [];
    },
    deleteImages: async (name, ids) => {
      const { failures = [] } = await readAdaptively(
        'BatchDeleteImage',
        `delete images of repository ${name}`,
        (ecr) => ecr.batchDeleteImage({ repositoryName: name, imageIds: ids.map(toImageIdentifier) }),
      );
      return failures.flatMap(({ imageId, failureCode: code = '', failureReason: reason = '' }) => {
        const id = imageId && toImageId(imageId);
        return id ? [{ id, code, reason }] : [];
      });
    },
    tags: async (arn) => {
      const { tags } = await readAdaptively('ListTagsForResource', `read the tags of ${arn}`, (ecr) =>
        ecr.listTagsForResource({ resourceArn: arn }),
      );
      return tagRecord(tags);
    },
    tag: (arn, tags) =>
      write('TagResource', `tag ${arn}`, (ecr) => ecr.tagResource({ resourceArn: arn, tags: tagList(tags) })),
    untag: (arn, keys) =>
      write('UntagResource', `untag ${arn}`, (ecr) =>
        ecr.untagResource({ resourceArn: arn, tagKeys: [...keys] }),
      ),
    setTagMutability: (name, value) =>
      write('PutImageTagMutability', `set the tag mutability of repository ${name}`, (ecr) =>
        ecr.putImageTagMutability({ repositoryName: name, imageTagMutability: value as 'MUTABLE' }),
      ),
    setScanOnPush: (name, scanOnPush) =>
      write('PutImageScanningConfiguration', `set the scanning of repository ${name}`, (ecr) =>
        ecr.putImageScanningConfiguration({
          repositoryName: name,
          imageScanningConfiguration: { scanOnPush },
        }),
      ),
    lifecyclePolicy: async (name) => {
      const found = await undefinedIfAbsent(
        ['LifecyclePolicyNotFound'],
        readAdaptively('GetLifecyclePolicy', `read the lifecycle policy of repository ${name}`, (ecr) =>
          ecr.getLifecyclePolicy({ repositoryName: name }),
        ),
      );
      return found?.lifecyclePolicyText;
    },
    setLifecyclePolicy: (name, text) =>
      write('PutLifecyclePolicy', `set the lifecycle policy of repository ${name}`, (ecr) =>
        ecr.putLifecyclePolicy({ repositoryName: name, lifecyclePolicyText: text }),
      ),
    manifests: (repository, references) => readManifests(read, repository, references),
    activeImages: (repository) => readActiveImages(readAdaptively, repository),
    repositoryPolicy: async (name) => {
      const found = await undefinedIfAbsent(
        ['RepositoryPolicyNotFound', 'RepositoryNotFound'],
        read('GetRepositoryPolicy', `read the policy of repository ${name}`, (ecr) =>
          ecr.getRepositoryPolicy({ repositoryName: name }),
        ),
      );
      return found?.policyText;
    },
    creationRules: async () => {
      const pages = <T>(action: string, what: string, fetch: (ecr: ECR, token: object) => Promise<Page<T>>) =>
        read(action, what, (ecr) => allPages((nextToken) => fetch(ecr, nextToken ? { nextToken } : {})));
      const [rules, templates] = await Promise.all([
        pages('DescribePullThroughCacheRules', 'list the pull through cache rules', async (ecr, token) => {
          const page = await ecr.describePullThroughCacheRules(token);
          return { items: page.pullThroughCacheRules, next: page.nextToken };
        }),
        pages(
          'DescribeRepositoryCreationTemplates',
          'list the repository creation templates',
          async (ecr, token) => {
            const page = await ecr.describeRepositoryCreationTemplates(token);
            return { items: page.repositoryCreationTemplates, next: page.nextToken };
          },
        ),
      ]);
      return [
        ...rules.map(({ ecrRepositoryPrefix: prefix = '' }): CreationRule => ({
          kind: 'pull through cache rule',
          prefix,
        })),
        ...templates.map(({ prefix = '' }): CreationRule => ({
          kind: 'repository creation template',
          prefix,
        })),
      ];
    },
    blobMounting: async () => {
      const setting = await undefinedIfAbsent(
        ['AccessDenied', 'InvalidParameter', 'Validation'],
        read('GetAccountSetting', "read the account's setting of blob mounting", (ecr) =>
          ecr.getAccountSetting({ name: 'BLOB_MOUNTING' }),
        ),
      );
      return setting?.value === undefined ? undefined : setting.value === 'ENABLED';
    },
    enableBlobMounting: () =>
      write('PutAccountSetting', 'turn on blob mounting in ECR', (ecr) =>
        ecr.putAccountSetting({ name: 'BLOB_MOUNTING', value: 'ENABLED' }),
      ),
  };
}

interface Page<T> {
  readonly items: readonly T[] | undefined;
  readonly next: string | undefined;
}

function toRepository(repository: SdkRepository): Repository {
  const { encryptionType = 'AES256', kmsKey } = repository.encryptionConfiguration ?? {};
  return {
    name: repository.repositoryName ?? '',
    arn: repository.repositoryArn ?? '',
    uri: repository.repositoryUri ?? '',
    tagMutability: repository.imageTagMutability ?? 'MUTABLE',
    scanOnPush: repository.imageScanningConfiguration?.scanOnPush ?? false,
    encryption: encryptionType,
    ...(kmsKey ? { kmsKey } : {}),
  };
}

function toListedImage(image: ImageDetail): ListedImage[] {
  const { imageDigest: digest, subjectManifestDigest: subject } = image;
  if (!isDigest(digest)) return [];
  return [
    {
      digest,
      tags: image.imageTags ?? [],
      mediaType: image.imageManifestMediaType ?? '',
      size: image.imageSizeInBytes ?? 0,
      pushedAt: image.imagePushedAt?.getTime() ?? 0,
      ...(isDigest(subject) ? { subject } : {}),
    },
  ];
}

const toImageIdentifier = ({ tag, digest }: ImageId): ImageIdentifier => ({
  ...(tag === undefined ? {} : { imageTag: tag }),
  ...(digest === undefined ? {} : { imageDigest: digest }),
});

function toImageId({ imageTag: tag, imageDigest: digest }: ImageIdentifier): ImageId | undefined {
  if (tag !== undefined) return isDigest(digest) ? { tag, digest } : { tag };
  return isDigest(digest) ? { digest } : undefined;
}

function toToken(
  data:
    | {
        authorizationToken?: string | undefined;
        proxyEndpoint?: string | undefined;
        expiresAt?: Date | undefined;
      }
    | undefined,
): RegistryToken {
  const { authorizationToken = '', proxyEndpoint = '', expiresAt } = data ?? {};
  const [username = '', password = ''] = Buffer.from(authorizationToken, 'base64').toString().split(':');
  if (!password || !URL.canParse(proxyEndpoint)) throw new Error('ECR answered without a token');
  return {
    username,
    password: new Secret(password),
    host: new URL(proxyEndpoint).host,
    expiresAt: expiresAt?.getTime() ?? 0,
  };
}
