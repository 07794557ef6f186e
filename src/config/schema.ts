import { z } from 'zod';
import { durationGrammar } from '../duration.ts';
import { users } from './users.ts';

const duration = z
  .string()
  .regex(durationGrammar, 'is not a duration such as 90s, 10m or 1h')
  .describe('A duration such as `90s`, `10m` or `1h`.');

/** Secrets in the operator's namespace whose names are not configured: the pull secret would overwrite them. */
const takenSecrets = ['image-puller', 'external-secrets-webhook'];

/** The configuration file. Every key is described here once: the reference, the JSON Schema and `init` use it. */
export const configSchema = z.strictObject({
  project: z
    .string()
    .regex(
      /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/,
      'is not a name that ECR takes: lower-case letters and digits, parted by . _ or -',
    )
    .min(2)
    .max(64)
    .describe('First part of every repository name in the ECR.'),
  aws: z.strictObject({
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, 'is not a region such as eu-west-1')
      .describe('Region of the ECR and the secrets.'),
    profile: z.string().min(1).optional().describe('Profile of the AWS configuration files.'),
    accountId: z
      .string()
      .regex(/^\d{12}$/, 'is not an account id of 12 digits')
      .optional()
      .describe('Guard: any other account is refused.'),
    tags: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .default({})
      .describe('Tags for everything that is made in AWS.'),
  }),
  cluster: z
    .strictObject({
      kubeconfig: z.string().min(1).optional().describe('Path of the kubeconfig file.'),
      context: z.string().min(1).optional().describe('Guard and choice: the context to use.'),
    })
    .prefault({}),
  images: z
    .strictObject({
      list: z
        .array(z.string().min(1))
        .default([])
        .describe('References of images to mirror, beside those that the cluster uses.'),
      exclude: z
        .array(z.string().min(1))
        .default([])
        .describe('Globs of references that are not mirrored, and that status does not warn of.'),
      map: z
        .record(z.string().min(1), z.string().min(1))
        .default({})
        .describe(
          'Source repository to repository inside the project: `docker.io/library/nginx: web/nginx`.',
        ),
      platforms: z
        .union([
          z.enum(['cluster', 'all']),
          z
            .array(
              z
                .string()
                .regex(/^[a-z0-9]+\/[a-z0-9_]+(\/v[0-9]+)?$/, 'is not a platform such as linux/amd64'),
            )
            .min(1),
        ])
        .default('cluster')
        .describe("`cluster`: the nodes' platforms; `all`: every platform of the source; or a list."),
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
      concurrency: z.number().int().min(1).max(64).default(16).describe('Transfers at once.'),
    })
    .prefault({}),
  repositories: z
    .strictObject({
      tagMutability: z.enum(['MUTABLE', 'IMMUTABLE']).default('MUTABLE').describe('Whether tags can move.'),
      scanOnPush: z.boolean().optional().describe('Scan images when they are pushed. Unset: not managed.'),
      encryption: z
        .strictObject({ type: z.enum(['AES256', 'KMS']), kmsKey: z.string().min(1).optional() })
        .optional()
        .describe('Encryption of new repositories; it cannot be changed later. Unset: not managed.'),
      lifecyclePolicy: z
        .record(z.string(), z.unknown())
        .optional()
        .describe("ECR lifecycle policy, in ECR's own form. Unset: not managed."),
    })
    .prefault({}),
  users,
  secrets: z
    .strictObject({
      kmsKeyId: z.string().min(1).optional().describe('Customer key for the secrets in Secrets Manager.'),
    })
    .prefault({}),
  externalSecrets: z
    .strictObject({
      install: z
        .boolean()
        .default(true)
        .describe('`false`: use the External Secrets Operator that is there.'),
      manifest: z
        .string()
        .min(1)
        .optional()
        .describe('File or URL of the official YAML of v0.12.1. Default: the release on GitHub.'),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 of 64 hexadecimal digits')
        .optional()
        .describe('The YAML must have this checksum.'),
      env: z
        .record(z.string(), z.string())
        .default({})
        .describe("Environment of the operator's containers, such as HTTPS_PROXY."),
      caBundle: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file of authorities that the operator trusts besides the usual ones.'),
      tolerations: z
        .array(z.record(z.string(), z.unknown()))
        .default([])
        .describe("Tolerations of the operator's pods."),
      nodeSelector: z
        .record(z.string(), z.string())
        .default({})
        .describe("Node selector of the operator's pods."),
      resources: z
        .record(z.string(), z.unknown())
        .optional()
        .describe("Resources of the operator's containers."),
    })
    .prefault({}),
  pullSecret: z
    .strictObject({
      name: z
        .string()
        .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'is not a name that Kubernetes takes')
        .refine((name) => !takenSecrets.includes(name), {
          error: ({ input }) =>
            `"${String(input)}" is the name of another Secret in the operator's namespace`,
        })
        .default('puller')
        .describe(
          `Name of the pull secret in every namespace; not ${takenSecrets.map((name) => `\`${name}\``).join(' or ')}.`,
        ),
      renewEvery: duration.default('1h').describe('How often the operator fetches a new token.'),
      copyEvery: duration.default('10m').describe('How often the namespaces get the newest token.'),
    })
    .prefault({}),
  namespaces: z
    .strictObject({
      exclude: z
        .array(z.string().min(1))
        .default([])
        .describe('Globs of namespaces that get no pull secret.'),
    })
    .prefault({}),
  serviceAccounts: z
    .strictObject({
      exclude: z
        .array(z.string().regex(/^[^/]+\/[^/]+$/, 'is not NAMESPACE/NAME'))
        .default([])
        .describe('Globs NAMESPACE/NAME of service accounts that are left alone.'),
      policy: z
        .enum(['auto', 'off'])
        .default('auto')
        .describe('`auto`: an admission policy covers new service accounts where the cluster serves it.'),
    })
    .prefault({}),
});

/** The effective configuration: complete, every default filled in. */
export type Config = z.output<typeof configSchema>;
