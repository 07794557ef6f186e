import type { Tags } from '../../clients/aws/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { ChangeWith } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import { waitFor } from '../../core/wait.ts';
import type { AccessKeyRun } from '../context.ts';
import { secretNames } from '../../iam/names.ts';
import {
  type ClusterRecord,
  fullBecauseOfTags,
  recordsIn,
  recordTag,
  type RegistrationLimit,
} from './records.ts';
import { ownMinorVersion } from './version.ts';

/** The registrations of the project, from the perspective of one cluster. */
export interface Registration {
  /** The ID of this cluster. */
  readonly id: string;
  readonly record: ClusterRecord | undefined;
  /** The registrations of all clusters. */
  readonly records: readonly ClusterRecord[];
  /** Why this cluster cannot be registered. */
  readonly limit: RegistrationLimit | undefined;
}

/** @param secret name of the secret that holds the registrations, with its `tags` */
export function registrationIn(secret: string, id: string, tags: Tags = {}): Registration {
  const records = recordsIn(tags);
  const record = records.find((one) => one.id === id);
  return { id, record, records, limit: fullBecauseOfTags(secret, tags, id) };
}

/** @param id the ID of the cluster */
export const registrationTarget = (id: string): Target => ({ kind: 'cluster registration', name: id });

/** What is known about the access key in a cluster. */
export interface KeyInCluster {
  /** The ID of the key that the cluster holds. */
  readonly held: string | undefined;
  /** Whether a key is about to be written. */
  readonly writes: boolean;
  /** The ID of that key; undefined before it is created. */
  readonly next: string | undefined;
}

/**
 * Registers a cluster before a key is written into it, and a cluster that has a key and is not registered. Otherwise
 * `rotate` or `down --aws` of another cluster would revoke its key.
 */
export function registrationChanges(
  { id, record }: Registration,
  key: KeyInCluster,
): ChangeWith<{ readonly does: 'register' }>[] {
  const { held, writes, next } = key;
  if (!writes && (held === undefined || record)) return [];
  const to = (writes ? next : held) ?? '(known after apply)';
  if (record?.keyId === to) return [];
  return [
    {
      action: record ? 'update' : 'create',
      target: registrationTarget(id),
      topic: 'access-key',
      // The access key stands for it.
      label: '',
      fields: [{ path: 'key', ...(record ? { from: record.keyId } : {}), to }],
      reason: writes
        ? 'before the access key is written into the cluster'
        : 'the cluster holds an access key and is not registered',
      payload: { does: 'register' },
    },
  ];
}

/**
 * Registers this cluster with a key that is not verified yet, and waits until AWS shows the registration: reads of AWS
 * can be older than its writes, and a run for another cluster that does not see the registration would revoke the key.
 * @throws BootstrapError when AWS denies or does not show the registration; the key must not be written then
 */
export async function registerUnverified(
  run: AccessKeyRun,
  { id, record, limit }: Registration,
  { keyId, held }: { readonly keyId: string; readonly held: string | undefined },
): Promise<void> {
  const { aws, cluster, clock, config } = run.ctx;
  const what = 'could not register this cluster, so the access key is not written into it';
  if (limit)
    throw new BootstrapError({
      code: 'aws-failed',
      what,
      why: `${limit.what}: ${limit.why}`,
      hint: limit.hint,
    });
  const { context: name } = await cluster.info();
  const isFirst = held === undefined && (record === undefined || record.verification === 'first');
  const version = record?.version ?? ownMinorVersion();
  const tag = recordTag(
    { id, keyId, verification: isFirst ? 'first' : 'unverified', name, version },
    clock.now(),
  );
  const secret = secretNames(config).id;
  try {
    await aws.secrets.tag(secret, tag);
    await untilVisible(run, secret, tag);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    const { code, why, hint } = error;
    throw new BootstrapError({ code, what, why, hint }, { cause: error });
  }
}

/** Milliseconds that AWS may take to show a tag. */
const deadlineMs = 180_000;

function untilVisible(run: AccessKeyRun, secret: string, tag: Tags): Promise<true> {
  const wait = {
    what: 'AWS to show the registration',
    hint: 'Run the same command again.',
    deadlineMs,
  };
  return waitFor(run, wait, async (pending) => {
    const { tags = {} } = (await run.ctx.aws.secrets.describe(secret)) ?? {};
    const isShown = Object.entries(tag).every(([key, value]) => tags[key] === value);
    return isShown ? true : pending(`secret ${secret} does not have the new tag yet`);
  });
}
