import type { Reply } from '../reply.ts';
import { ecr, iam, secrets, type WireRequest } from '../request.ts';
import { sendTo } from '../send.ts';
import type { Target } from '../target.ts';

type Kind = 'user' | 'policy' | 'repository' | 'secret';

/** Records what a run creates in an account, and deletes it when the run ends. */
export class Belongings {
  readonly #names: Readonly<Record<Kind, Set<string>>> = {
    user: new Set(),
    policy: new Set(),
    repository: new Set(),
    secret: new Set(),
  };

  /** Records the resource of a successful creation request. */
  note({ body = '', headers = {} }: WireRequest, reply: Reply): void {
    if (reply.status >= 400) return;
    const operation = headers['x-amz-target']?.split('.').at(-1);
    if (operation !== undefined) {
      const input = JSON.parse(body.toString()) as { repositoryName?: string; Name?: string };
      if (operation === 'CreateRepository') this.#names.repository.add(input.repositoryName ?? '');
      if (operation === 'CreateSecret') this.#names.secret.add(input.Name ?? '');
      return;
    }
    const input = new URLSearchParams(body.toString());
    if (input.get('Action') === 'CreateUser') this.#names.user.add(input.get('UserName') ?? '');
    if (input.get('Action') === 'CreatePolicy') {
      const { CreatePolicyResult: created } = reply.body as {
        CreatePolicyResult: { Policy: { Arn: string } };
      };
      this.#names.policy.add(created.Policy.Arn);
    }
  }

  /** @throws Error that lists the resources that could not be deleted */
  async remove(target: Target): Promise<void> {
    const left: string[] = [];
    const removals: readonly (readonly [Kind, (target: Target, name: string) => Promise<Reply>])[] = [
      ['user', removeUser],
      ['policy', removePolicy],
      [
        'repository',
        (on, repositoryName) => sendTo(on, ecr('DeleteRepository', { repositoryName, force: true })),
      ],
      [
        'secret',
        (on, SecretId) => sendTo(on, secrets('DeleteSecret', { SecretId, ForceDeleteWithoutRecovery: true })),
      ],
    ];
    for (const [kind, remove] of removals) {
      for (const name of this.#names[kind]) {
        const { status, code = '' } = await remove(target, name);
        if (status >= 400 && !/NoSuchEntity|NotFound/.test(code)) left.push(`${kind} ${name} (${code})`);
      }
    }
    if (left.length > 0) throw new Error(`remove these by hand: ${left.join(', ')}`);
  }
}

async function removeUser(target: Target, UserName: string): Promise<Reply> {
  for (const AccessKeyId of await listOf(target, 'ListAccessKeys', { UserName }, 'AccessKeyId')) {
    await sendTo(target, iam('DeleteAccessKey', { UserName, AccessKeyId }));
  }
  for (const PolicyArn of await listOf(target, 'ListAttachedUserPolicies', { UserName }, 'PolicyArn')) {
    await sendTo(target, iam('DetachUserPolicy', { UserName, PolicyArn }));
  }
  for (const PolicyName of await listOf(target, 'ListUserPolicies', { UserName })) {
    await sendTo(target, iam('DeleteUserPolicy', { UserName, PolicyName }));
  }
  return sendTo(target, iam('DeleteUser', { UserName }));
}

async function removePolicy(target: Target, PolicyArn: string): Promise<Reply> {
  for (const VersionId of await listOf(target, 'ListPolicyVersions', { PolicyArn }, 'VersionId')) {
    // IAM rejects the deletion of the default version. It is deleted with the policy.
    await sendTo(target, iam('DeletePolicyVersion', { PolicyArn, VersionId }));
  }
  return sendTo(target, iam('DeletePolicy', { PolicyArn }));
}

/** The members of the list in IAM's answer, or one field of each. */
async function listOf(
  target: Target,
  action: string,
  input: Record<string, string>,
  field?: string,
): Promise<string[]> {
  const { status, body } = await sendTo(target, iam(action, input));
  if (status >= 400) return [];
  const result = (body as Record<string, Record<string, unknown>>)[`${action}Result`] ?? {};
  const members = Object.values(result).find((value) => Array.isArray(value)) ?? [];
  return (members as readonly (string | Record<string, string>)[]).map((member) =>
    typeof member === 'string' ? member : (member[field ?? ''] ?? ''),
  );
}
