import { z } from 'zod';
import { imagePullerName, policyArn, userName, userPath } from './aws-values.ts';

const user = (name: string, policies: string, grammar = userName) =>
  z
    .strictObject({
      name: grammar.default(name).describe('Name of the IAM user.'),
      manage: z
        .boolean()
        .default(true)
        .describe(
          '`false`: the user is made elsewhere; it is only verified, and the policy to hand over is printed.',
        ),
      policy: z.enum(['precise', 'managed']).default('precise').describe(policies),
      path: userPath.default('/').describe('IAM path of the user and its policy, for example `/team/`.'),
      permissionsBoundary: policyArn.optional().describe('ARN of the policy that bounds the user.'),
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
      imagePullerName,
    ),
  })
  // IAM does not tell names apart by case.
  .refine(({ powerUser, imagePuller }) => powerUser.name.toLowerCase() !== imagePuller.name.toLowerCase(), {
    path: ['imagePuller', 'name'],
    error: 'is the name of users.powerUser too: two users are needed',
  })
  .prefault({});
