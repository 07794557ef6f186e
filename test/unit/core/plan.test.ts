import { describe, expect, it } from 'vitest';
import type { AnyStep, Change, ChangeWith } from '../../../src/core/step.ts';
import type { Finding } from '../../../src/core/findings.ts';
import { makePlan, refuseBlocked } from '../../../src/core/plan.ts';

const target = (name: string) => ({ kind: 'thing', name });
const update = (name: string, path: string, more: Partial<Change> = {}): Change => ({
  action: 'update',
  target: target(name),
  fields: [{ path }],
  ...more,
});
const problem = (name: string, more: Partial<Finding> = {}): Finding => ({
  level: 'failed',
  code: 'drift',
  target: target(name),
  what: `${name} is unmanaged`,
  why: 'it existed before',
  hint: `Adopt ${name}.`,
  ...more,
});
const step = (
  id: string,
  changes: readonly Change[],
  findings: readonly Finding[] = [],
): AnyStep<object> => ({
  id,
  title: id,
  group: 'aws',
  needs: [],
  observe: () => Promise.resolve(undefined),
  diff: () => ({ changes, findings }),
  apply: () => Promise.resolve([]),
});
const plan = (...steps: AnyStep<object>[]) => makePlan(steps, {}, () => true);

describe('makePlan', () => {
  it('lists a target with an adoption and a repair once, with the fields of both', async () => {
    const changes = [
      update('a', 'label', { adopts: { owner: 'Helm' } }),
      update('b', 'x'),
      update('a', 'image', { reason: 'it drifted' }),
    ];
    const [planned] = await plan(step('one', changes));
    expect(planned?.changes).toEqual([
      {
        ...update('a', 'label', { adopts: { owner: 'Helm' }, reason: 'it drifted' }),
        fields: [{ path: 'label' }, { path: 'image' }],
      },
      update('b', 'x'),
    ]);
  });

  it('merges the payloads of several changes of one target for apply', async () => {
    const changes: ChangeWith<object>[] = [
      { ...update('a', 'tags'), payload: { tags: ['new'], first: true } },
      { ...update('a', 'value'), payload: { value: 1, first: false } },
      { ...update('b', 'x'), payload: { value: 2 } },
    ];
    expect((await plan(step('one', changes)))[0]?.changes).toEqual([
      {
        ...update('a', 'tags'),
        fields: [{ path: 'tags' }, { path: 'value' }],
        payload: { tags: ['new'], first: true, value: 1 },
      },
      { ...update('b', 'x'), payload: { value: 2 } },
    ]);
  });

  it('lists a target that two steps would adopt only under the first of them', async () => {
    const adoption = update('a', 'label', { adopts: { owner: 'Helm' } });
    const both = [step('one', [adoption]), step('two', [adoption, update('b', 'x')])];
    const withConsent = await plan(...both);
    expect(withConsent.map(({ changes }) => changes)).toEqual([[adoption], [update('b', 'x')]]);
    const withoutConsent = await makePlan(both, {});
    expect(withoutConsent.map(({ unmanaged }) => unmanaged)).toEqual([[adoption], []]);
  });

  it('keeps the deletion and the creation of one target as separate changes', async () => {
    const changes: Change[] = (['delete', 'create'] as const).map((action) => ({
      action,
      target: target('a'),
      fields: [],
    }));
    expect((await plan(step('one', changes)))[0]?.changes).toEqual(changes);
  });

  it('omits a finding that a change of any step resolves', async () => {
    const resolved = problem('a', { resolvedBy: target('a') });
    const open = problem('b', { resolvedBy: target('b') });
    const planned = await plan(step('one', [], [resolved, open]), step('two', [update('a', 'label')]));
    expect(planned[0]?.findings).toEqual([open]);
  });
});

describe('refuseBlocked', () => {
  it('reports every blocking finding with its own fix', async () => {
    const findings = ['a', 'b'].map((name) => problem(name, { blocking: true }));
    const planned = await plan(step('one', [], findings));
    expect(() => refuseBlocked(planned)).toThrow(
      expect.objectContaining({
        code: 'blocked',
        hint: 'Adopt a.',
        others: [expect.objectContaining({ what: 'b is unmanaged', hint: 'Adopt b.' })],
      }) as Error,
    );
  });
});
