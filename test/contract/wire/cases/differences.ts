import type { Difference } from '../case.ts';

/** The AWS page of an action or a type, in the API reference of a service. */
const reference = (service: string, page: string): string => `${service} API Reference, ${page}`;

export const commonErrors = 'AWS API references, "Common Errors"';
export const jsonErrors =
  "AWS JSON 1.1 protocol in the Smithy specification and the SDKs' models: an error's name is in `__type` and its status is 400 unless the service failed";

/** Differences of Moto 5.2.5. */
export const moto = {
  xmlInErrors: (instead: string): Difference => ({
    instead,
    why: 'Moto wraps the error in one more element and omits the request ID; the SDKs still find the code.',
    decides: reference('IAM', '"Common Errors", and the example answers'),
  }),
  unsigned: {
    instead: '500',
    why: 'Moto returns a server error for an unsigned request that it has to authorize.',
    decides: commonErrors,
  },
  clock: {
    instead: '200',
    why: 'Moto does not check the time of a signature.',
    decides:
      'IAM User Guide, "Elements of an AWS API request signature": a signature is good for some minutes',
  },
  boundaryNotReturned: {
    instead: '200',
    why: "Moto accepts a user's permissions boundary and does not return it.",
    decides: reference('IAM', 'type User'),
  },
  boundaryUnknown: {
    instead: '500',
    why: 'Moto has no such action for users.',
    decides: reference('IAM', 'DeleteUserPermissionsBoundary'),
  },
  simulationUnknown: {
    instead: '500',
    why: 'Moto has no such action.',
    decides: reference('IAM', 'SimulatePrincipalPolicy'),
  },
  noDeleteConflict: (action: string): Difference => ({
    instead: '200',
    why: 'Moto deletes resources that are still in use.',
    decides: reference('IAM', `${action}: DeleteConflict, 409`),
  }),
  plainDocument: {
    instead: '200',
    why: 'Moto returns the document without encoding.',
    decides: reference('IAM', 'GetPolicyVersion: "URL-encoded compliant with RFC 3986"'),
  },
  queryErrors: (instead: string): Difference => ({
    instead,
    why: 'Moto authorizes all services in one place, and answers with the errors of IAM.',
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
    why: 'Moto returns all repositories at once, whatever is requested.',
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
    why: 'Moto answers with another status; the code, which clients read, is the same.',
    decides: reference('Secrets Manager', 'ResourceNotFoundException, "HTTP Status Code: 400"'),
  },
  htmlType: {
    instead: '200',
    why: 'Moto declares its JSON as text/html.',
    decides: jsonErrors,
  },
  nameTaken: {
    instead: '400 ResourceExistsException',
    why: 'Moto does not distinguish a secret that is scheduled for deletion from another one.',
    decides: reference('Secrets Manager', 'CreateSecret: InvalidRequestException, "scheduled for deletion"'),
  },
  writesDeleted: {
    instead: '200',
    why: 'Moto stores a value in a secret that is scheduled for deletion.',
    decides: reference(
      'Secrets Manager',
      'PutSecretValue: InvalidRequestException, "scheduled for deletion"',
    ),
  },
} as const;

/** Differences of docker-registry 2.8, as shipped by Debian, where ECR has its own rules. */
export const dockerRegistry = {
  anyName: (instead: string): Difference => ({
    instead,
    why: 'This registry creates a repository with the first push.',
    decides:
      'Amazon ECR User Guide, "Troubleshooting Amazon ECR error messages": "name unknown: The repository with name … does not exist in the registry"',
  }),
  ownStorage: {
    instead: '200',
    why: 'This registry serves blobs itself if they are on its own disk.',
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
    decides: 'no document; a run with --target aws shows it',
  },
  anyPassword: {
    instead: '401 UNAUTHORIZED',
    why: 'This registry accepts passwords of any form.',
    decides:
      'aws/aws-cli#4962 and #5317: docker login with a corrupted token is answered "400 Bad Request" at /v2/',
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
    why: 'This registry does not check the type of an artifact.',
    decides: 'moby/buildkit#5747 and #6171, oras-project/oras#1133: 405 with UNSUPPORTED',
  },
  anyArtifactType: {
    instead: '201',
    why: 'This registry does not check the type of an artifact.',
    decides: 'aws/containers-roadmap#2306 and sigstore/sigstore-js#1058: ECR refuses types with a semicolon',
  },
  noReferrers: (instead: string): Difference => ({
    instead,
    why: 'This registry does not have the referrers API.',
    decides: 'OCI distribution specification 1.1, "Listing Referrers", which ECR follows since June 2024',
  }),
  foreignUrl: {
    instead: '500 UNKNOWN',
    why: 'This registry accepts such layers only for addresses that its configuration allows.',
    decides:
      'Docker Engine documentation, "allow-nondistributable-artifacts": images are pushed without such layers by default',
  },
  nullLayers: {
    instead: '201',
    why: 'This registry reads null as an empty list.',
    decides: 'OCI image specification, "OCI Image Manifest": layers is an array',
  },
  alwaysMutable: {
    instead: '201',
    why: 'Immutable tags are a setting of ECR.',
    decides: 'Amazon ECR User Guide, "Preventing image tags from being overwritten"',
  },
} as const;
