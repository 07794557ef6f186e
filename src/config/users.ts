import { z } from 'zod';

const user = (name: string, policies: string) =>
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[\w+=,.@-]{1,64}$/, 'is not a name that IAM takes')
        .default(name)
        .describe('Name of the IAM user.'),
      manage: z
        .boolean()
        .default(true)
        .describe(
          '`false`: the user is made elsewhere; it is only verified, and the policy to hand over is printed.',
        ),
      policy: z.enum(['precise', 'managed']).default('precise').describe(policies),
      path: z
        .string()
        .regex(/^\/([!-~]+\/)?$/, 'is not an IAM path such as /team/')
        .default('/')
        .describe('IAM path of the user and its policy.'),
      permissionsBoundary: z
        .string()
        .startsWith('arn:')
        .optional()
        .describe('ARN of the policy that bounds the user.'),
    })
    .prefault({});

/** The section `users` of the configuration. */
export const users = z
  .strictObject({
    powerUser: user(
      'power-user',
      '`precise`: what this program needs; `managed`: AmazonEC2ContainerRegistryPowerUser, enough to push only.',
    ),
    imagePuller: user(
      'image-puller',
      '`precise`: pull from the project and read the three secrets; `managed`: AmazonEC2ContainerRegistryPullOnly plus the secrets.',
    ),
  })
  // IAM does not tell names apart by case.
  .refine(({ powerUser, imagePuller }) => powerUser.name.toLowerCase() !== imagePuller.name.toLowerCase(), {
    path: ['imagePuller', 'name'],
    error: 'is the name of users.powerUser too: two users are needed',
  })
  .prefault({});
