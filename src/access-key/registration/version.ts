import { BootstrapError } from '../../core/errors.ts';
import type { Need } from '../../core/step.ts';
import type { Finding } from '../../core/findings.ts';
import { ownVersion } from '../../core/paths.ts';
import type { AccessKeyContext } from '../context.ts';
import { describeStored } from '../stored.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import { clusterLabel, type ClusterRecord, recordsIn } from './records.ts';

/** The major and minor version of this program. A patch version configures nothing differently. */
export const ownMinorVersion = (): string => ownVersion().split('.', 2).join('.');

export const isVersion = (text: string): boolean => /^\d+\.\d+$/.test(text);

/** False when either is not a version. */
export function isNewer(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major > thanMajor || (major === thanMajor && minor > thanMinor);
}

/** The record with the newest version, if it is newer than `own`. */
export function newestRecordAbove(own: string, records: readonly ClusterRecord[]): ClusterRecord | undefined {
  return records
    .filter(({ version }) => isNewer(version, own))
    .reduce<ClusterRecord | undefined>(
      (newest, record) => (newest && !isNewer(record.version, newest.version) ? newest : record),
      undefined,
    );
}

/**
 * A registration that a newer version of ecr-bootstrap wrote. A run that needs AWS checks all clusters of the project.
 * A run that needs only the cluster checks that cluster, and ignores errors of AWS.
 */
export async function newerRegistration(
  ctx: AccessKeyContext,
  needs: ReadonlySet<Need>,
): Promise<ClusterRecord | undefined> {
  const all = async (): Promise<ClusterRecord[]> => recordsIn((await describeStored(ctx)).id?.tags);
  if (needs.has('aws')) return newestRecordAbove(ownMinorVersion(), await all());
  if (!needs.has('cluster')) return undefined;
  try {
    const [records, here] = await Promise.all([all(), clusterId(ctx.cluster)]);
    return newestRecordAbove(
      ownMinorVersion(),
      records.filter(({ id }) => id === here),
    );
  } catch (error) {
    if (error instanceof BootstrapError) return undefined;
    throw error;
  }
}

/** The texts about such a registration for an error or a finding. */
export function olderVersionTexts(record: ClusterRecord): Pick<Finding, 'what' | 'why' | 'hint'> {
  return {
    what: `this is ecr-bootstrap ${ownVersion()}, and version ${record.version} configured the project`,
    why: `an older version could undo what the newer one set up; it registered ${clusterLabel(record)}`,
    hint: `Install version ${record.version} or newer: \`npm install --global ecr-bootstrap@${record.version}\`.`,
  };
}
