import { beforeEach, describe, expect, it } from 'vitest';
import { SandboxClock } from '../../../../sandbox/clock.ts';
import type { Draft } from '../../../../sandbox/cluster/objects.ts';
import { builtinResources } from '../../../../sandbox/cluster/resources.ts';
import { ObjectStore } from '../../../../sandbox/cluster/store.ts';
import { definitionOf } from '../../../support/custom-kind.ts';

let store: ObjectStore;
beforeEach(() => {
  store = new ObjectStore(new SandboxClock(), builtinResources('v1.36.3', 'v1'));
});

const secret = (name: string, data: Record<string, string> = {}) =>
  ({ kind: 'Secret', metadata: { name, namespace: 'shop' }, data }) satisfies Draft;
const names = () => store.list('Secret', 'shop').map(({ metadata }) => metadata.name);

const definition: Draft = {
  ...definitionOf('example.org', { kind: 'Widget', plural: 'widgets' }),
  status: { conditions: [{ type: 'Established', status: 'True' }] },
};
const servesWidgets = () => store.resources().some(({ kind }) => kind === 'Widget');

describe('the store of the sandbox cluster', () => {
  it('lists objects by name, also after it was listed before a write, a deletion and a restore', () => {
    store.put(secret('b'));
    expect(names()).toEqual(['b']);
    const restore = store.save();
    store.put(secret('a'));
    expect(names()).toEqual(['a', 'b']);
    store.delete('Secret', 'b', 'shop');
    expect(names()).toEqual(['a']);
    restore();
    expect(names()).toEqual(['b']);
  });

  it('serves a custom kind while its definition exists', () => {
    const restore = store.save();
    expect(servesWidgets()).toBe(false);
    store.put(definition);
    expect(servesWidgets()).toBe(true);
    restore();
    expect(servesWidgets()).toBe(false);
  });

  it('shares no values with what was written or previewed', () => {
    const written = secret('a', { key: 'one' });
    store.put(written);
    const preview = store.preview(written);
    written.data['key'] = 'two';
    expect(store.get('Secret', 'a', 'shop')).toMatchObject({ data: { key: 'one' } });
    expect(preview).toMatchObject({ data: { key: 'one' } });
  });
});
