import { z } from 'zod';
import {
  accountId,
  accountOfPolicy,
  imagePullerName,
  kmsKey,
  lifecyclePolicy,
  policyArn,
  project,
  region,
  regionOfKey,
  repositoryPath,
  sourceRepository,
  tags,
  userName,
  userPath,
} from './aws-values.ts';
import {
  customResource,
  environment,
  fieldPath,
  namespaceGlob,
  nodeSelector,
  resources,
  serviceAccountGlob,
  tolerations,
} from './kubernetes-values.ts';
import { nodes } from './nodes.ts';
import { pullSecret } from './pull-secret.ts';

/** Names and paths of other programs. No grammar for them is known. */
const text = z
  .string()
  .min(1)
  .regex(/^\P{Cc}*$/u, 'has a control character');

const user = (name: string, policies: string, grammar = userName) =>
  z
    .strictObject({
      name: grammar.default(name).describe('Name of the IAM user.'),
      manage: z
        .boolean()
        .default(true)
        .describe(
          '`false`: you create the user, and `up` only verifies it. `ecr-bootstrap policy` prints the policy that it needs.',
        ),
      policy: z.enum(['precise', 'managed']).default('precise').describe(policies),
      path: userPath.default('/').describe('IAM path of the user and its policy, for example `/team/`.'),
      permissionsBoundary: policyArn.optional().describe('ARN of the permissions boundary of the user.'),
    })
    .prefault({});

/** The section `users` of the configuration. */
const users = z
  .strictObject({
    powerUser: user(
      'power-user',
      '`precise`: what this program needs; `managed`: AmazonEC2ContainerRegistryPowerUser, enough to push only.',
    ),
    imagePuller: user(
      'image-puller',
      '`precise`: pull from the project and read the three secrets; `managed`: AmazonEC2ContainerRegistryPullOnly plus the secrets.',
      imagePullerName,
    ),
  })
  // IAM compares names without regard to case.
  .refine(({ powerUser, imagePuller }) => powerUser.name.toLowerCase() !== imagePuller.name.toLowerCase(), {
    path: ['imagePuller', 'name'],
    error: 'is also the name of users.powerUser; the two users need different names',
  })
  .prefault({});

/** The configuration file. The reference, the JSON Schema and `init` use these descriptions of the keys. */
export const configSchema = z
  .strictObject({
    project: project.describe('First part of every repository name in ECR.'),
    aws: z.strictObject({
      region: region.describe('Region of the registry and the secrets.'),
      profile: text.optional().describe('Profile of the AWS configuration files.'),
      accountId: accountId
        .optional()
        .describe('Commands abort if the credentials belong to another account.'),
      tags: tags
        .default({})
        .describe(
          'Tags for all resources in AWS: at most 40, with the characters that IAM allows. A tag that you remove here stays on existing resources.',
        ),
      blobMounting: z
        .literal(true)
        .optional()
        .describe(
          "`true`: `up` turns on the account's setting BLOB_MOUNTING in this region, so that a layer is uploaded once for all repositories. It affects all users of the registry, and `down` leaves it on.",
        ),
    }),
    cluster: z
      .strictObject({
        kubeconfig: text.optional().describe('Path of the kubeconfig file.'),
        context: text.optional().describe('Kubeconfig context. Commands abort if it does not exist.'),
      })
      .prefault({}),
    images: z
      .strictObject({
        list: z
          .array(text)
          .default([])
          .describe('References of images to mirror, in addition to those that the cluster uses.'),
        exclude: z
          .array(text)
          .default([])
          .describe('Globs of references that are not mirrored. `status` does not warn about them.'),
        map: z
          .record(sourceRepository, repositoryPath)
          .default({})
          .describe(
            'Repositories inside the project, by source repository: `docker.io/library/nginx: web/nginx`.',
          ),
        fields: z
          .record(customResource, z.array(fieldPath).min(1))
          .default({})
          .describe(
            'Fields of custom resources that name images, by CRD: `prometheuses.monitoring.coreos.com: [.spec.image]`. A path has names, `[*]` and `[0]`, as in JSONPath.',
          ),
        platforms: z
          .union([
            z.enum(['cluster', 'all']),
            z
              .array(
                z
                  .string()
                  .regex(/^[a-z0-9]+\/[a-z0-9_]+(\/v[0-9]+)?$/, 'is not a platform, for example linux/amd64'),
              )
              .min(1),
          ])
          .default('cluster')
          .describe("`cluster`: the nodes' platforms; `all`: every platform of the source; or a list."),
        warnings: z
          .enum(['auto', 'off'])
          .default('auto')
          .describe(
            '`auto`: `kubectl` warns when a workload uses an image that ECR does not have, where the cluster serves admission policies (Kubernetes 1.30). Nothing is rejected.',
          ),
      })
      .prefault({}),
    mirror: z
      .strictObject({
        engine: z
          .enum(['auto', 'registry', 'docker'])
          .default('auto')
          .describe(
            '`registry` copies from registry to registry; `docker` uses the local engine; `auto` decides for each image.',
          ),
        concurrency: z
          .number()
          .int()
          .min(1)
          .max(64)
          .default(16)
          .describe('Maximum number of parallel transfers.'),
      })
      .prefault({}),
    repositories: z
      .strictObject({
        tagMutability: z
          .enum(['MUTABLE', 'IMMUTABLE'])
          .default('MUTABLE')
          .describe(
            'Whether a push can move an existing tag to another image. It never can in the repository of `nodes.image`.',
          ),
        scanOnPush: z.boolean().optional().describe('Scan images when they are pushed. Unset: not managed.'),
        encryption: z
          .strictObject({
            type: z.enum(['AES256', 'KMS']).describe('`AES256`: keys of ECR; `KMS`: a key of AWS KMS.'),
            kmsKey: kmsKey
              .optional()
              .describe('ID, alias or ARN of the key. Default: the AWS managed key for ECR.'),
          })
          .refine(({ type, kmsKey: key }) => type === 'KMS' || key === undefined, {
            path: ['kmsKey'],
            error: 'needs `type: KMS`',
          })
          .optional()
          .describe('Encryption of new repositories; it cannot be changed later. Unset: not managed.'),
        lifecyclePolicy: lifecyclePolicy
          .optional()
          .describe('Lifecycle policy, as ECR defines it. Unset: not managed.'),
      })
      .prefault({}),
    users,
    secrets: z
      .strictObject({
        kmsKeyId: kmsKey.optional().describe('Customer key for the secrets in Secrets Manager.'),
      })
      .prefault({}),
    externalSecrets: z
      .strictObject({
        install: z
          .boolean()
          .default(true)
          .describe(
            '`false`: use the External Secrets Operator that is already installed. An operator that `up` installed keeps running, but `up` no longer repairs it; `down` deletes it.',
          ),
        manifest: text
          .refine(isFileOrUrl, {
            error: ({ input }) =>
              `${JSON.stringify(input)} is neither a file nor a URL, for example https://mirror.example/external-secrets.yaml`,
          })
          .optional()
          .describe('File or URL of the official YAML of v0.12.1. Default: the release on GitHub.'),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 of 64 hexadecimal digits')
          .optional()
          .describe('SHA-256 that the YAML must have.'),
        env: environment
          .default({})
          .describe("Environment of the operator's containers, for example HTTPS_PROXY."),
        caBundle: text
          .optional()
          .describe('PEM file of additional certificate authorities that the operator trusts.'),
        tolerations: tolerations.default([]).describe("Tolerations of the operator's pods."),
        nodeSelector: nodeSelector.default({}).describe("Node selector of the operator's pods."),
        resources: resources.optional().describe("Resources of the operator's containers."),
      })
      .prefault({}),
    pullSecret,
    namespaces: z
      .strictObject({
        exclude: z
          .array(namespaceGlob)
          .default([])
          .describe(
            'Globs of namespaces that get no pull secret. A namespace keeps its copy until no workload there uses it. If you later create a namespace that matches a glob with `*` or `?`, it gets a copy that no service account uses, unless it has the label `ecr-bootstrap.dev/ignore=true`.',
          ),
      })
      .prefault({}),
    serviceAccounts: z
      .strictObject({
        exclude: z
          .array(serviceAccountGlob)
          .default([])
          .describe('Globs NAMESPACE/NAME of service accounts that are left alone.'),
        policy: z
          .enum(['auto', 'off'])
          .default('auto')
          .describe('`auto`: an admission policy covers new service accounts where the cluster serves it.'),
      })
      .prefault({}),
    nodes,
  })
  .superRefine(refuseContradictions);

/** Whether a name is a file or an HTTP URL. A URL with another scheme would otherwise count as a file name. */
function isFileOrUrl(name: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(name)?.[1];
  return scheme === undefined || (/^https?$/i.test(scheme) && URL.canParse(name));
}

interface Related {
  readonly aws: { readonly region: string; readonly accountId?: string | undefined };
  readonly repositories: { readonly encryption?: { readonly kmsKey?: string | undefined } | undefined };
  readonly secrets: { readonly kmsKeyId?: string | undefined };
  readonly users: z.output<typeof users>;
}

/** Refuses ARNs of another region or account, because AWS compares them with those of the request. */
function refuseContradictions(
  { aws, repositories, secrets, users: { powerUser, imagePuller } }: Related,
  context: z.core.$RefinementCtx,
): void {
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: path.split('.'), message });
  for (const [path, key] of [
    ['repositories.encryption.kmsKey', repositories.encryption?.kmsKey],
    ['secrets.kmsKeyId', secrets.kmsKeyId],
  ] as const) {
    const found = regionOfKey(key);
    if (found !== undefined && found !== aws.region) {
      refuse(path, `is a key of ${found}, and aws.region is ${aws.region}: write a key of ${aws.region}`);
    }
  }
  for (const [name, { permissionsBoundary }] of Object.entries({ powerUser, imagePuller })) {
    const found = accountOfPolicy(permissionsBoundary);
    if (found !== undefined && aws.accountId !== undefined && found !== aws.accountId) {
      refuse(
        `users.${name}.permissionsBoundary`,
        `is a policy of account ${found}, and aws.accountId is ${aws.accountId}: write a policy of that account`,
      );
    }
  }
}

/** The effective configuration, with all defaults. */
export type Config = z.output<typeof configSchema>;
