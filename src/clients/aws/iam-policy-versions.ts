import type { IAM, PolicyVersion } from '@aws-sdk/client-iam';
import { undefinedIfAbsent } from './errors.ts';
import { allPages } from './session.ts';

const absent = ['NoSuchEntity'];

/** IAM's own limit. */
const maxVersions = 5;

type CallIam = <T>(action: string, what: string, send: (iam: IAM) => Promise<T>) => Promise<T>;

/**
 * Makes `document` the default version of a policy. At the limit, first deletes the oldest version that is not
 * the default.
 */
export async function updatePolicy(call: CallIam, arn: string, document: unknown): Promise<void> {
  const what = `update policy ${arn}`;
  const versions = await versionsOf(call, arn, what);
  const spare = versions
    .filter(({ IsDefaultVersion }) => !IsDefaultVersion)
    .sort((a, b) => (a.CreateDate?.getTime() ?? 0) - (b.CreateDate?.getTime() ?? 0) || order(a) - order(b));
  const oldest = spare[0]?.VersionId;
  if (versions.length >= maxVersions && oldest) await deleteVersion(call, arn, oldest, what);
  await call('CreatePolicyVersion', what, (iam) =>
    iam.createPolicyVersion({
      PolicyArn: arn,
      PolicyDocument: JSON.stringify(document),
      SetAsDefault: true,
    }),
  );
}

/** IAM deletes a policy only when its default version is the only one left. */
export async function deletePolicy(call: CallIam, arn: string): Promise<void> {
  const what = `delete policy ${arn}`;
  const versions = (await undefinedIfAbsent(absent, versionsOf(call, arn, what))) ?? [];
  for (const { VersionId, IsDefaultVersion } of versions) {
    if (VersionId && !IsDefaultVersion) await deleteVersion(call, arn, VersionId, what);
  }
  await undefinedIfAbsent(
    absent,
    call('DeletePolicy', what, (iam) => iam.deletePolicy({ PolicyArn: arn })),
  );
}

const versionsOf = (call: CallIam, arn: string, what: string): Promise<PolicyVersion[]> =>
  call('ListPolicyVersions', what, (iam) =>
    allPages(async (token) => {
      const page = await iam.listPolicyVersions({ PolicyArn: arn, ...(token ? { Marker: token } : {}) });
      return { items: page.Versions, next: page.Marker };
    }),
  );

async function deleteVersion(call: CallIam, arn: string, id: string, what: string): Promise<void> {
  await undefinedIfAbsent(
    absent,
    call('DeletePolicyVersion', what, (iam) => iam.deletePolicyVersion({ PolicyArn: arn, VersionId: id })),
  );
}

/** Versions are numbered `v1`, `v2` and so on, which also orders those created in the same second. */
const order = ({ VersionId = '' }: { VersionId?: string | undefined }): number => Number(VersionId.slice(1));
