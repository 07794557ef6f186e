import { targetOf, refOf } from '../../clients/kubernetes/names.ts';
import { diffObjects, type ObjectChange } from '../../cluster/objects.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { warningPolicyName } from '../../core/ownership.ts';
import { type Diff, knownAfterApply } from '../../core/step.ts';
import type { MirrorContext } from '../context.ts';
import type { CopyChange } from '../copies.ts';
import { observeWarnings, type WarningsState } from './state.ts';

const listKind = 'ConfigMap';
const policyTarget = { kind: 'ValidatingAdmissionPolicy', name: warningPolicyName };

export function diffWarnings(state: WarningsState, isOn: boolean): Diff<ObjectChange> {
  const { changes } = diffObjects(state);
  return {
    changes: changes.map((change) => (change.target.kind === listKind ? withCounts(change) : change)),
    findings: [
      ...(isOn && !state.isServed ? [unavailable] : []),
      ...state.unlisted.map((host) => unlisted(host)),
    ],
  };
}

/** Adds how the lists will change when these images are copied. What ECR lists then is not known yet. */
export async function withListChanges(
  changes: readonly ObjectChange[],
  copies: readonly CopyChange[],
  ctx: MirrorContext,
): Promise<readonly ObjectChange[]> {
  if (copies.length === 0 || ctx.config.images.warnings === 'off') return changes;
  const images = copies.map(({ payload }) => payload.image);
  const isList = ({ target, adopts }: ObjectChange): boolean => target.kind === listKind && !adopts;
  const lists = diffObjects(await observeWarnings(ctx, images)).changes.filter(isList);
  return [
    ...lists.map((change) =>
      change.action === 'update' ? { ...change, fields: [{ path: 'data', to: knownAfterApply }] } : change,
    ),
    ...changes.filter((change) => !isList(change)),
  ];
}

/** A list has up to a megabyte. */
const withCounts = (change: ObjectChange): ObjectChange => ({
  ...change,
  fields: change.fields.map(({ path, ...values }) =>
    /^data\b/.test(path)
      ? { path, ...Object.fromEntries(Object.entries(values).map(([side, value]) => [side, count(value)])) }
      : { path, ...values },
  ),
});

function count(value: unknown): string {
  const words = typeof value === 'string' ? value.split(' ').filter(Boolean).length : 0;
  return words === 1 ? '1 entry' : `${words} entries`;
}

/** While the policy exists, a list that differs from ECR is less than drift: it only makes a warning wrong. */
export function outdatedFindings(state: WarningsState): readonly Finding[] {
  const policies = state.wanted.filter(({ desired }) => desired.kind !== listKind);
  if (policies.length === 0 || policies.some(({ actual }) => !actual)) return [];
  const lists = state.wanted.filter(({ desired }) => desired.kind === listKind);
  const known = new Map(lists.map(({ desired }) => [targetOf(refOf(desired)).name, desired]));
  return diffObjects(state)
    .changes.filter(({ target }) => target.kind === listKind)
    .map(({ target }) =>
      finding('image-list-outdated', {
        target,
        what: `the list of images in ECR is outdated: ${hostsIn(known.get(target.name)) ?? target.name}`,
        why: 'images were copied or deleted without this cluster, for example for another one, so kubectl warns about the wrong ones',
        hint: 'Run `ecr-bootstrap up --only image-warnings`.',
      }),
    );
}

function hostsIn(list: object | undefined): string | undefined {
  const { data } = (list ?? {}) as { readonly data?: Readonly<Record<string, string>> };
  return data?.['HOSTS']?.trim().split(' ')[0];
}

const unavailable: Finding = finding('image-warnings-unavailable', {
  target: policyTarget,
  what: 'kubectl does not warn about images that ECR does not have',
  why: 'the cluster does not serve ValidatingAdmissionPolicy (Kubernetes 1.30 and later do)',
  hint: 'Compare with `ecr-bootstrap images` before you deploy.',
});

const unlisted = (host: string): Finding =>
  finding('image-list-too-long', {
    target: policyTarget,
    what: `kubectl does not warn about missing images of ${host}`,
    why: 'ECR has too many of its images for the list in the cluster: more than 10,000 tags, or 1 MiB of references',
    hint: 'Delete images that no workload uses.',
  });
