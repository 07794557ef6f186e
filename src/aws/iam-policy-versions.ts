import type { IAM } from '@aws-sdk/client-iam';
import { unlessAbsent } from './failure.ts';
import { allPages } from './session.ts';

/** IAM's own limit. */
const mostVersions = 5;

type Read = <T>(action: string, what: string, send: (iam: IAM) => Promise<T>) => Promise<T>;

/** Makes `document` the default version of a policy; when there is no room, the oldest version that is not in force goes first. */
export async function updatePolicy(read: Read, arn: string, document: unknown): Promise<void> {
  const what = `update policy ${arn}`;
  const versions = await read('ListPolicyVersions', what, (iam) =>
    allPages(async (token) => {
      const page = await iam.listPolicyVersions({ PolicyArn: arn, ...(token ? { Marker: token } : {}) });
      return { items: page.Versions, next: page.Marker };
    }),
  );
  const spare = versions
    .filter(({ IsDefaultVersion }) => !IsDefaultVersion)
    .sort((a, b) => (a.CreateDate?.getTime() ?? 0) - (b.CreateDate?.getTime() ?? 0) || order(a) - order(b));
  const oldest = spare[0]?.VersionId;
  if (versions.length >= mostVersions && oldest) {
    await unlessAbsent(
      ['NoSuchEntity'],
      read('DeletePolicyVersion', what, (iam) =>
        iam.deletePolicyVersion({ PolicyArn: arn, VersionId: oldest }),
      ),
    );
  }
  await read('CreatePolicyVersion', what, (iam) =>
    iam.createPolicyVersion({
      PolicyArn: arn,
      PolicyDocument: JSON.stringify(document),
      SetAsDefault: true,
    }),
  );
}

/** Versions are numbered `v1`, `v2` and so on, which parts those of one second. */
const order = ({ VersionId = '' }: { VersionId?: string | undefined }): number => Number(VersionId.slice(1));
