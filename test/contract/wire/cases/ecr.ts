import { expect } from 'vitest';
import type { Answer, Ask, Case, Situation } from '../case.ts';
import { ecr, ecrRegistry } from '../request.ts';
import { conditionsOf } from './conditions.ts';
import { moto } from './differences.ts';
import { aNumber, keyOf, matching, something, userWithKey } from './support.ts';

const repositoryOf = ({ name }: Situation): string => `${name}/library/nginx`;
const arnOf = (situation: Situation): string =>
  `arn:aws:ecr:${situation.region}:${situation.account}:repository/${repositoryOf(situation)}`;

/** A call for the situation's repository. */
const about =
  (operation: string, input: object = {}): Ask =>
  (situation) =>
    ecr(operation, { repositoryName: repositoryOf(situation), ...input });
const create = about('CreateRepository');
const absent: Answer = { status: 400, code: 'RepositoryNotFoundException' };

const lifecycle = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 5 },
      action: { type: 'expire' },
    },
  ],
});

const repositoryPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Sid: 'all', Effect: 'Allow', Principal: '*', Action: 'ecr:BatchGetImage' }],
});

/** An empty index needs no blobs. */
const mediaType = 'application/vnd.oci.image.index.v1+json';
const manifest = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] });
const digest = matching(/^sha256:[0-9a-f]{64}$/);
const otherDigest = `sha256:${'0'.repeat(64)}`;

/** Pushes through the registry as clients do, or through the control plane where there is no registry. */
const push: Ask = (situation) =>
  situation.speaks('ecr-registry')
    ? ecrRegistry('PUT', `${repositoryOf(situation)}/manifests/v1`, {
        headers: { 'content-type': mediaType },
        body: manifest,
      })
    : ecr('PutImage', {
        repositoryName: repositoryOf(situation),
        imageManifest: manifest,
        imageManifestMediaType: mediaType,
        imageTag: 'v1',
      });

/** The control plane of ECR. */
export const ecrCases: readonly Case[] = [
  {
    name: 'GetAuthorizationToken returns a token for the registry',
    ask: () => ecr('GetAuthorizationToken'),
    answer: ({ registryHost }) => ({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': /./ },
      body: {
        authorizationData: [
          {
            authorizationToken: matching(/^QVdTO/), // "AWS:"
            proxyEndpoint: `https://${registryHost}`,
            expiresAt: aNumber,
          },
        ],
      },
    }),
  },
  {
    name: 'a key that does not exist is refused',
    ask: () =>
      ecr(
        'GetAuthorizationToken',
        {},
        { as: { key: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' } } },
      ),
    answer: {
      status: 400,
      code: 'UnrecognizedClientException',
      body: { message: matching(/security token/) },
    },
    differs: { moto: moto.queryErrors('403 InvalidClientTokenId') },
  },
  {
    name: 'a wrong secret is refused',
    given: userWithKey(),
    ask: ({ replies }) =>
      ecr('GetAuthorizationToken', {}, { as: { key: { ...keyOf(replies), secretAccessKey: 'wrong' } } }),
    answer: { status: 400, code: 'InvalidSignatureException', body: { message: matching(/signature/) } },
    differs: { moto: moto.queryErrors('403 SignatureDoesNotMatch') },
  },
  {
    name: 'a request without a signature is refused',
    ask: () => ecr('GetAuthorizationToken', {}, { as: 'anonymous' }),
    answer: { status: 400, code: 'MissingAuthenticationTokenException' },
    differs: { moto: moto.unsigned },
  },
  {
    name: 'a user without policies is denied, and the answer names the action',
    given: userWithKey(),
    ask: (situation) =>
      ecr(
        'CreateRepository',
        { repositoryName: repositoryOf(situation) },
        { as: { key: keyOf(situation.replies) } },
      ),
    answer: (situation) => ({
      status: 400,
      code: 'AccessDeniedException',
      body: {
        message: matching(
          `^User: arn:aws:iam::${situation.account}:user/${situation.name} is not authorized to perform: ecr:CreateRepository on resource: ${arnOf(situation)}`,
        ),
      },
    }),
    differs: { moto: moto.queryErrors('403 AccessDenied') },
  },
  {
    name: 'CreateRepository answers with the new repository',
    ask: create,
    answer: (situation) => ({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: {
        repository: {
          repositoryName: repositoryOf(situation),
          registryId: situation.account,
          repositoryArn: arnOf(situation),
          repositoryUri: `${situation.registryHost}/${repositoryOf(situation)}`,
          imageTagMutability: 'MUTABLE',
          imageScanningConfiguration: { scanOnPush: false },
          encryptionConfiguration: { encryptionType: 'AES256' },
          createdAt: aNumber,
        },
      },
    }),
  },
  {
    name: 'CreateRepository accepts mutability, scanning and tags',
    ask: about('CreateRepository', {
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      tags: [{ Key: 'ecr-bootstrap:project', Value: 'contract' }],
    }),
    answer: {
      status: 200,
      body: {
        repository: { imageTagMutability: 'IMMUTABLE', imageScanningConfiguration: { scanOnPush: true } },
      },
    },
  },
  {
    name: 'CreateRepository of a name that exists is refused',
    given: [create],
    ask: create,
    answer: { status: 400, code: 'RepositoryAlreadyExistsException' },
  },
  {
    name: 'CreateRepository with capitals in its name is refused',
    ask: about('CreateRepository', { repositoryName: 'Contract/Nginx' }),
    answer: { status: 400, code: 'InvalidParameterException' },
  },
  ...['a.b', 'a_b', 'a-b'].map((part): Case => ({
    name: `CreateRepository accepts ${part} in a name`,
    ask: ({ name }) => ecr('CreateRepository', { repositoryName: `${name}/${part}/${part}` }),
    answer: ({ name }) => ({
      status: 200,
      body: { repository: { repositoryName: `${name}/${part}/${part}` } },
    }),
  })),
  ...['a__b', 'a--b', 'a..b', 'a.-b', 'a-', '_a'].map((part): Case => ({
    name: `CreateRepository refuses ${part} in a name`,
    ask: ({ name }) => ecr('CreateRepository', { repositoryName: `${name}/${part}` }),
    answer: { status: 400, code: 'InvalidParameterException' },
  })),
  {
    name: 'DescribeRepositories returns a repository by its name',
    given: [create],
    ask: (situation) => ecr('DescribeRepositories', { repositoryNames: [repositoryOf(situation)] }),
    answer: (situation) => ({
      status: 200,
      body: { repositories: [{ repositoryName: repositoryOf(situation), repositoryArn: arnOf(situation) }] },
    }),
  },
  {
    name: 'DescribeRepositories of one that does not exist is refused',
    ask: (situation) => ecr('DescribeRepositories', { repositoryNames: [repositoryOf(situation)] }),
    answer: absent,
  },
  {
    name: 'DescribeRepositories returns a page and a token for the next one',
    given: [
      create,
      (situation) => ecr('CreateRepository', { repositoryName: `${repositoryOf(situation)}-2` }),
    ],
    ask: () => ecr('DescribeRepositories', { maxResults: 1 }),
    answer: { status: 200, body: { repositories: [{ repositoryName: something }], nextToken: something } },
    differs: { moto: moto.noPages },
  },
  {
    name: 'TagResource adds tags',
    given: [
      create,
      (situation) => ecr('TagResource', { resourceArn: arnOf(situation), tags: [{ Key: 'k', Value: 'v' }] }),
    ],
    ask: (situation) => ecr('ListTagsForResource', { resourceArn: arnOf(situation) }),
    answer: { status: 200, body: { tags: [{ Key: 'k', Value: 'v' }] } },
  },
  {
    name: 'ListTagsForResource of a repository that does not exist is refused',
    ask: (situation) => ecr('ListTagsForResource', { resourceArn: arnOf(situation) }),
    answer: absent,
  },
  {
    name: 'PutImageTagMutability answers with the setting',
    given: [create],
    ask: about('PutImageTagMutability', { imageTagMutability: 'IMMUTABLE' }),
    answer: (situation) => ({
      status: 200,
      body: {
        registryId: situation.account,
        repositoryName: repositoryOf(situation),
        imageTagMutability: 'IMMUTABLE',
      },
    }),
  },
  {
    name: 'PutImageTagMutability of a repository that does not exist is refused',
    ask: about('PutImageTagMutability', { imageTagMutability: 'IMMUTABLE' }),
    answer: absent,
  },
  {
    name: 'PutImageScanningConfiguration answers with the setting',
    given: [create],
    ask: about('PutImageScanningConfiguration', { imageScanningConfiguration: { scanOnPush: true } }),
    answer: { status: 200, body: { imageScanningConfiguration: { scanOnPush: true } } },
  },
  {
    name: 'PutLifecyclePolicy answers with the policy',
    given: [create],
    ask: about('PutLifecyclePolicy', { lifecyclePolicyText: lifecycle }),
    answer: (situation) => ({
      status: 200,
      body: { repositoryName: repositoryOf(situation), lifecyclePolicyText: lifecycle },
    }),
  },
  {
    name: 'PutLifecyclePolicy refuses a policy that has no rules and is shorter than 100 characters',
    given: [create],
    ask: about('PutLifecyclePolicy', { lifecyclePolicyText: '{}' }),
    answer: { status: 400, code: 'InvalidParameterException' },
  },
  {
    name: 'GetLifecyclePolicy returns the policy',
    given: [create, about('PutLifecyclePolicy', { lifecyclePolicyText: lifecycle })],
    ask: about('GetLifecyclePolicy'),
    answer: { status: 200, body: { lifecyclePolicyText: lifecycle } },
  },
  {
    name: 'GetLifecyclePolicy of a repository without a policy is refused',
    given: [create],
    ask: about('GetLifecyclePolicy'),
    answer: { status: 400, code: 'LifecyclePolicyNotFoundException' },
  },
  {
    name: 'BatchGetImage returns manifests, and failures for images that do not exist',
    given: [create, push],
    ask: about('BatchGetImage', { imageIds: [{ imageTag: 'v1' }, { imageTag: 'v2' }] }),
    answer: (situation) => ({
      status: 200,
      body: {
        images: [
          {
            registryId: situation.account,
            repositoryName: repositoryOf(situation),
            imageId: { imageTag: 'v1', imageDigest: matching(/^sha256:[0-9a-f]{64}$/) },
            imageManifest: manifest,
            imageManifestMediaType: mediaType,
          },
        ],
        failures: [
          { imageId: { imageTag: 'v2' }, failureCode: 'ImageNotFound', failureReason: matching(/not found/) },
        ],
      },
    }),
  },
  {
    name: 'BatchGetImage in a repository that does not exist is refused',
    ask: about('BatchGetImage', { imageIds: [{ imageTag: 'v1' }] }),
    answer: absent,
  },
  {
    name: 'DeleteRepository deletes an empty repository',
    given: [create],
    ask: about('DeleteRepository'),
    answer: (situation) => ({
      status: 200,
      body: { repository: { repositoryName: repositoryOf(situation) } },
    }),
  },
  {
    name: 'DeleteRepository of a repository with images is refused',
    given: [create, push],
    ask: about('DeleteRepository'),
    answer: { status: 400, code: 'RepositoryNotEmptyException' },
  },
  {
    name: 'DeleteRepository with force deletes a repository with images',
    given: [create, push],
    ask: about('DeleteRepository', { force: true }),
    answer: { status: 200 },
  },
  {
    name: 'DeleteRepository of one that does not exist is refused',
    ask: about('DeleteRepository', { force: true }),
    answer: absent,
  },
  {
    name: 'CreateRepository answers with the ARN of the key of an alias',
    ask: about('CreateRepository', {
      encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/aws/ecr' },
    }),
    answer: {
      status: 200,
      body: {
        repository: {
          encryptionConfiguration: {
            encryptionType: 'KMS',
            kmsKey: matching(/^arn:aws:kms:[^:]+:\d{12}:key\//),
          },
        },
      },
    },
    differs: { moto: moto.keyAsGiven },
  },
  {
    name: 'BatchGetImage does not return an archived image',
    given: [
      create,
      push,
      about('UpdateImageStorageClass', { imageId: { imageTag: 'v1' }, targetStorageClass: 'ARCHIVE' }),
    ],
    ask: about('BatchGetImage', { imageIds: [{ imageTag: 'v1' }] }),
    answer: {
      status: 200,
      body: { images: [], failures: [{ failureCode: matching(/^Image(Inaccessible|NotFound)$/) }] },
    },
    differs: { moto: moto.noArchive },
  },
  {
    name: 'DescribeImages lists images with their tags, times and types',
    given: [create, push],
    ask: about('DescribeImages', { maxResults: 1000, filter: { imageStatus: 'ANY' } }),
    answer: (situation) => ({
      status: 200,
      body: {
        imageDetails: [
          {
            registryId: situation.account,
            repositoryName: repositoryOf(situation),
            imageDigest: digest,
            imageTags: ['v1'],
            imagePushedAt: aNumber,
            imageManifestMediaType: mediaType,
          },
        ],
      },
    }),
  },
  {
    name: 'DescribeImages of a repository that does not exist is refused',
    ask: about('DescribeImages'),
    answer: absent,
  },
  {
    name: 'DescribeImages lists an archived image only on request',
    given: [
      create,
      push,
      about('UpdateImageStorageClass', { imageId: { imageTag: 'v1' }, targetStorageClass: 'ARCHIVE' }),
      about('DescribeImages', { filter: { imageStatus: 'ANY' } }),
    ],
    ask: about('DescribeImages'),
    answer: { status: 200, body: { imageDetails: [] } },
    differs: { moto: moto.noArchive },
  },
  {
    name: 'BatchDeleteImage deletes an image by its last tag, and answers with its digest',
    given: [create, push],
    ask: about('BatchDeleteImage', { imageIds: [{ imageTag: 'v1' }] }),
    answer: { status: 200, body: { imageIds: [{ imageTag: 'v1', imageDigest: digest }], failures: [] } },
  },
  {
    name: 'BatchDeleteImage answers with failures for images that do not exist',
    given: [create],
    ask: about('BatchDeleteImage', { imageIds: [{ imageTag: 'v2' }] }),
    answer: {
      status: 200,
      body: { imageIds: [], failures: [{ imageId: { imageTag: 'v2' }, failureCode: 'ImageNotFound' }] },
    },
  },
  {
    name: 'BatchDeleteImage keeps a tag that has another digest than the given one',
    given: [create, push],
    ask: about('BatchDeleteImage', { imageIds: [{ imageTag: 'v1', imageDigest: otherDigest }] }),
    answer: {
      status: 200,
      body: {
        imageIds: [],
        failures: [
          {
            imageId: { imageTag: 'v1', imageDigest: otherDigest },
            failureCode: matching(/^Image(TagDoesNotMatchDigest|NotFound)$/),
          },
        ],
      },
    },
  },
  {
    name: 'BatchDeleteImage in a repository that does not exist is refused',
    ask: about('BatchDeleteImage', { imageIds: [{ imageTag: 'v1' }] }),
    answer: absent,
  },
  {
    name: 'GetRepositoryPolicy returns the policy',
    given: [create, about('SetRepositoryPolicy', { policyText: repositoryPolicy })],
    ask: about('GetRepositoryPolicy'),
    answer: { status: 200, body: { policyText: matching(/BatchGetImage/) } },
  },
  {
    name: 'GetRepositoryPolicy of a repository without a policy is refused',
    given: [create],
    ask: about('GetRepositoryPolicy'),
    answer: { status: 400, code: 'RepositoryPolicyNotFoundException' },
  },
  {
    name: 'DescribePullThroughCacheRules lists the rules',
    ask: () => ecr('DescribePullThroughCacheRules'),
    answer: { status: 200, body: { pullThroughCacheRules: expect.any(Array) as unknown } },
    differs: { moto: moto.noCreationRules },
  },
  {
    name: 'DescribeRepositoryCreationTemplates lists the templates',
    ask: () => ecr('DescribeRepositoryCreationTemplates'),
    answer: { status: 200, body: { repositoryCreationTemplates: expect.any(Array) as unknown } },
    differs: { moto: moto.noCreationRules },
  },
  {
    name: 'GetAccountSetting returns whether blobs may be mounted',
    ask: () => ecr('GetAccountSetting', { name: 'BLOB_MOUNTING' }),
    answer: { status: 200, body: { name: 'BLOB_MOUNTING', value: matching(/^(ENABLED|DISABLED)$/) } },
    differs: { moto: moto.noBlobMounting },
  },
  {
    name: 'PutAccountSetting turns on blob mounting',
    needs: {
      capability: 'mountBlobs',
      decides: 'Amazon ECR API Reference, PutAccountSetting: BLOB_MOUNTING',
    },
    ask: () => ecr('PutAccountSetting', { name: 'BLOB_MOUNTING', value: 'ENABLED' }),
    answer: { status: 200, body: { name: 'BLOB_MOUNTING', value: 'ENABLED' } },
  },
  ...conditionsOf('json', () => ecr('DescribeRepositories')),
];
