import { ecr } from '../request.ts';
import { sendTo } from '../send.ts';
import type { Target } from '../target.ts';

/** Adds the registry of an account, with a token from the account's ECR. @param url of the registry */
export async function logIn(url: string, target: Target): Promise<Target> {
  const { status, body, text } = await sendTo(target, ecr('GetAuthorizationToken'));
  if (status !== 200) throw new Error(`no token for ${url}: HTTP ${status} ${text}`);
  const { authorizationData } = body as { authorizationData: [{ authorizationToken: string }] };
  const owner = { authorization: `Basic ${authorizationData[0].authorizationToken}` };
  return { ...target, endpoints: { ...target.endpoints, 'ecr-registry': { url, owner } } };
}
