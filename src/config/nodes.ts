import { z } from 'zod';
import { parseIfValid } from '../images/reference.ts';
import { nodeSelector } from './kubernetes-values.ts';

/** A DNS name without a port: the name of a folder on nodes and a key of a Secret. */
const upstreamHost = z
  .string()
  .max(253)
  .regex(
    /^(?=.*\.)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
    'is not a registry host without a port, for example docker.io',
  )
  .refine(
    (host) => !/^(index|registry-1)\.docker\.io$/.test(host),
    'is another name of docker.io: write docker.io',
  );

const imageReference = z.string().refine((text) => parseIfValid(text) !== undefined, {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not an image reference, for example docker.io/library/busybox:1.37`,
});

/** The section `nodes` of the configuration. */
export const nodes = z
  .strictObject({
    access: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        'Whether nodes pull images of other registries from ECR. `auto`: in clusters that kubeadm created.',
      ),
    image: imageReference
      .default('docker.io/library/busybox:1.37')
      .describe('Image of the agent on nodes; it needs a POSIX shell with the usual commands.'),
    nodeSelector: nodeSelector
      .default({})
      .describe('Node selector of the agent. Other nodes are not changed.'),
    hosts: z
      .union([z.literal('auto'), z.array(upstreamHost)])
      .default('auto')
      .describe(
        'Registries whose images nodes pull from ECR. `auto`: those of the images in use; or a list of hosts.',
      ),
  })
  .prefault({});
