import { targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { filesSecretRef } from '../cluster/nodes.ts';
import { BootstrapError } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import { probeHost } from '../core/ownership.ts';
import { Secret } from '../core/secret.ts';
import type { NodesContext } from './context.ts';

/**
 * Reports that nodes cannot pull, although their token has not expired: its key was disabled, or its user lost the
 * permission. The probes of the nodes notice it after up to an hour.
 */
export async function tokenFindings(ctx: NodesContext): Promise<readonly Finding[]> {
  const secret = await ctx.cluster.get(filesSecretRef);
  if (!(await isTokenRefused(secret, ctx))) return [];
  const hosts = await ctx.inventory.mirroredHosts();
  return [
    finding('node-token-refused', {
      target: targetOf(filesSecretRef),
      what: 'ECR refuses the token on nodes',
      why: `all files on nodes contain this token, so no node can pull new images of ${hosts.join(', ')}`,
      hint: 'Run `ecr-bootstrap up`.',
    }),
  ];
}

/**
 * Whether ECR refuses to let the token in the files on nodes pull. The files of all nodes have the same token, the one of
 * this Secret. If the registry gives no definite answer, the step `pull-secret-bootstrap` reports that.
 */
export async function isTokenRefused(secret: KubeObject | undefined, ctx: NodesContext): Promise<boolean> {
  const login = secret && loginOf(secret);
  if (!login) return false;
  try {
    const host = await ctx.registryHost();
    return !(await ctx.isLoginAccepted(host, login, `${ctx.config.project}/${probeHost}/probe`));
  } catch (error) {
    if (error instanceof BootstrapError) return false;
    throw error;
  }
}

/** The login in the files of a Secret, which can contain anything that a user wrote. */
function loginOf(secret: KubeObject) {
  const { data = {} } = secret as { data?: Readonly<Record<string, string>> };
  const file = Buffer.from(data[probeHost] ?? '', 'base64').toString();
  const [, encoded = ''] = /^Authorization = "Basic ([A-Za-z0-9+/=]+)"$/m.exec(file) ?? [];
  const [username = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
  const password = rest.join(':');
  return password === '' ? undefined : { username, password: new Secret(password) };
}
