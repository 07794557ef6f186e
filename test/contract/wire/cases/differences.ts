import type { Difference } from '../case.ts';

/** AWS's own page about an action or a type, in the API reference of a service. */
const reference = (service: string, page: string): string => `${service} API Reference, ${page}`;

export const commonErrors = 'AWS API references, "Common Errors"';
export const jsonErrors =
  "AWS JSON 1.1 protocol in the Smithy specification and the SDKs' models: an error's name is in `__type` and its status is 400 unless the service failed";

/** Moto, 5.2.5. */
export const moto = {
  xmlInErrors: (instead: string): Difference => ({
    instead,
    why: 'Moto puts one more element around the error and leaves the request id out; the SDKs find the code all the same.',
    decides: reference('IAM', '"Common Errors", and the example answers'),
  }),
  unsigned: {
    instead: '500',
    why: 'Moto fails by itself when a request that it has to judge bears no signature.',
    decides: commonErrors,
  },
  clock: {
    instead: '200',
    why: 'Moto does not look at the time of a signature.',
    decides:
      'IAM User Guide, "Elements of an AWS API request signature": a signature is good for some minutes',
  },
  boundaryUnseen: {
    instead: '200',
    why: "Moto takes a user's permissions boundary and does not tell it.",
    decides: reference('IAM', 'type User'),
  },
  boundaryUnknown: {
    instead: '500',
    why: 'Moto has no such action for users.',
    decides: reference('IAM', 'DeleteUserPermissionsBoundary'),
  },
  noDeleteConflict: (action: string): Difference => ({
    instead: '200',
    why: 'Moto deletes what is still in use.',
    decides: reference('IAM', `${action}: DeleteConflict, 409`),
  }),
  plainDocument: {
    instead: '200',
    why: 'Moto gives the document as it is.',
    decides: reference('IAM', 'GetPolicyVersion: "URL-encoded compliant with RFC 3986"'),
  },
  queryErrors: (instead: string): Difference => ({
    instead,
    why: 'Moto judges identities in one place for all services, and words its refusals as IAM does.',
    decides: jsonErrors,
  }),
  disabledKeys: {
    instead: '200',
    why: 'Moto accepts a key that is Inactive.',
    decides:
      'IAM User Guide, "Manage access keys for IAM users": a deactivated key cannot be used for API calls',
  },
  noPages: {
    instead: '200',
    why: 'Moto gives all repositories at once, whatever is asked for.',
    decides: reference('Amazon ECR', 'DescribeRepositories: maxResults and nextToken'),
  },
  noBlobMounting: {
    instead: '500',
    why: 'Moto has no account settings.',
    decides: reference('Amazon ECR', 'GetAccountSetting'),
  },
  keyAsGiven: {
    instead: '200',
    why: 'Moto answers with the name that it was given.',
    decides: reference('Amazon ECR', 'type EncryptionConfiguration; public reports of permanent differences'),
  },
  noArchive: {
    instead: '500',
    why: 'Moto has no storage classes of images.',
    decides: 'Amazon ECR User Guide, "Archiving an image": an archived image cannot be pulled',
  },
  noCreationRules: {
    instead: '500',
    why: 'Moto has no such rules.',
    decides: reference('Amazon ECR', 'DescribePullThroughCacheRules and DescribeRepositoryCreationTemplates'),
  },
  notFound404: {
    instead: '404 ResourceNotFoundException',
    why: 'Moto answers with another status; the code, by which clients judge, is the same.',
    decides: reference('Secrets Manager', 'ResourceNotFoundException, "HTTP Status Code: 400"'),
  },
  htmlType: {
    instead: '200',
    why: 'Moto says that its JSON is text/html.',
    decides: jsonErrors,
  },
  nameTaken: {
    instead: '400 ResourceExistsException',
    why: 'Moto does not tell a secret that waits for its deletion from one that lives.',
    decides: reference('Secrets Manager', 'CreateSecret: InvalidRequestException, "scheduled for deletion"'),
  },
  writesDeleted: {
    instead: '200',
    why: 'Moto lets a value be put into a secret that waits for its deletion.',
    decides: reference(
      'Secrets Manager',
      'PutSecretValue: InvalidRequestException, "scheduled for deletion"',
    ),
  },
} as const;

/** Docker-registry as Debian ships it, 2.8, where ECR has rules of its own. */
export const dockerRegistry = {
  anyName: (instead: string): Difference => ({
    instead,
    why: 'This registry makes a repository with the first push.',
    decides:
      'Amazon ECR User Guide, "Troubleshooting Amazon ECR error messages": "name unknown: The repository with name … does not exist in the registry"',
  }),
  ownStorage: {
    instead: '200',
    why: 'This registry serves blobs itself when they lie on its own disk.',
    decides:
      'Amazon ECR User Guide, "Amazon ECR interface VPC endpoints": layers are downloaded from Amazon S3',
  },
  noRedirect: (instead: string): Difference => ({
    instead,
    why: 'This registry serves blobs itself, so there is no redirect to follow.',
    decides:
      'Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters": the query carries the authentication',
  }),
  missingBlob400: {
    instead: '400 MANIFEST_BLOB_UNKNOWN',
    why: 'The distribution specification names the error, not its status.',
    decides: 'not settled by a document: a run with --target aws tells',
  },
  anyPassword: {
    instead: '401 UNAUTHORIZED',
    why: 'This registry knows passwords of any form.',
    decides:
      'aws/aws-cli#4962 and #5317: docker login with a spoilt token is answered "400 Bad Request" at /v2/',
  },
  anyBlob: {
    instead: '201',
    why: 'This registry stores empty blobs.',
    decides:
      'devcontainers/cli#814 and radius-project/radius#7887: "cannot be completed because it does not have any parts"',
  },
  unknownTypeInvalid: {
    instead: '400 MANIFEST_INVALID',
    why: 'The distribution specification leaves the code open.',
    decides: 'oras-project/oras-go#344 and moby/buildkit#699: 400 with UNSUPPORTED',
  },
  anyArtifact: {
    instead: '201',
    why: 'This registry does not look at the type of an artifact.',
    decides: 'moby/buildkit#5747 and #6171, oras-project/oras#1133: 405 with UNSUPPORTED',
  },
  foreignUrl: {
    instead: '500 UNKNOWN',
    why: 'This registry accepts such layers only for addresses that its configuration allows.',
    decides:
      'Docker Engine documentation, "allow-nondistributable-artifacts": images are pushed without such layers by default',
  },
  nullLayers: {
    instead: '201',
    why: 'To this registry, no list is an empty list.',
    decides: 'OCI image specification, "OCI Image Manifest": layers is an array',
  },
  alwaysMutable: {
    instead: '201',
    why: 'Immutable tags are a setting of ECR.',
    decides: 'Amazon ECR User Guide, "Preventing image tags from being overwritten"',
  },
} as const;
