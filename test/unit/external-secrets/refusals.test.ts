import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { fixOf, Refusals } from '../../../src/external-secrets/refusals.ts';
import { syncOf } from '../../../src/external-secrets/sync.ts';

const target = { namespace: 'shop', name: 'puller' };

describe('a refusal of a Secret', () => {
  it.each([
    [
      'secrets "puller" is forbidden: exceeded quota: few, requested: count/secrets=1, used: count/secrets=9, limited: count/secrets=9',
      'kubectl -n shop describe quota',
    ],
    ['unable to update secret puller: secret is immutable', 'kubectl -n shop delete secret puller'],
    ['could not update secret, target is immutable', 'kubectl -n shop delete secret puller'],
    [
      'unable to update secret puller: Secret "puller" is invalid: type: Invalid value: "kubernetes.io/dockerconfigjson": field is immutable',
      'kubectl -n shop delete secret puller',
    ],
    [
      'could not create or update ExternalSecret: externalsecrets.external-secrets.io "puller" is forbidden: unable to create new content in namespace shop because it is being terminated',
      'kubectl get namespace shop',
    ],
    ['external secret already exists in namespace', 'kubectl -n shop get externalsecrets'],
    [
      'unable to mutate secret puller: secret is owned by another ExternalSecret: rival',
      'get externalsecrets',
    ],
    ['admission webhook "guard.example" denied the request: no pull secrets here', 'webhook'],
    [
      "secrets \"puller\" is forbidden: ValidatingAdmissionPolicy 'guard' with binding 'guard' denied request: no",
      'admission policy',
    ],
    [
      'secrets "puller" is forbidden: User "system:serviceaccount:external-secrets:external-secrets" cannot create resource "secrets" in API group "" in the namespace "shop"',
      'kubectl auth can-i create secrets -n shop',
    ],
  ])('has a hint that names a fix, or how to exclude the namespace: %s', (why, fix) => {
    expect(fixOf(why, target)).toContain(fix);
    expect(fixOf(why, target)).toContain('add "- shop" to namespaces.exclude');
  });

  it.each([
    'secrets "puller" is forbidden: status unknown for quota: few, resources: count/secrets',
    'Internal error occurred: failed calling webhook "guard.example": context deadline exceeded',
    'ClusterSecretStore "pull-secret" is not ready',
    'Operation cannot be fulfilled on secrets "puller": the object has been modified',
  ])('has no hint while waiting can help: %s', (why) => {
    expect(fixOf(why, target)).toBeUndefined();
  });

  it('is confirmed only when the operator has retried, or has reported nothing else for 15 s', () => {
    let now = 0;
    const refusals = new Refusals({ now: () => now });
    expect(refusals.isConfirmed('shop', 'old')).toBeUndefined();
    refusals.recordRetry('shop', 'old');
    expect(refusals.isConfirmed('shop', 'old')).toBe(false);
    expect(refusals.isConfirmed('shop', 'new')).toBe(true);
    now = 15_000;
    expect(refusals.isConfirmed('shop', 'old')).toBe(true);
  });
});

describe("an ExternalSecret's failure", () => {
  const failing = (since: string): KubeObject => ({
    apiVersion: 'external-secrets.io/v1beta1',
    kind: 'ExternalSecret',
    metadata: { name: 'puller', namespace: 'shop', uid: 'this' },
    status: {
      conditions: [
        { type: 'Ready', status: 'False', message: 'could not update secret', lastTransitionTime: since },
      ],
    },
  });
  const event = (message: string, lastTimestamp: string, more: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: message, namespace: 'shop', resourceVersion: lastTimestamp.replace(/\D/g, '') },
    involvedObject: { kind: 'ExternalSecret', name: 'puller', namespace: 'shop', uid: 'this', ...more },
    message,
    lastTimestamp,
  });

  it('is explained by the newest event, in any position of the list', () => {
    const events = [
      event('newest', '2026-01-01T00:05:00Z'),
      event('oldest', '2026-01-01T00:01:00Z'),
      event('older', '2026-01-01T00:04:00Z'),
    ];
    expect(syncOf(failing('2026-01-01T00:01:00Z'), events)).toMatchObject({ why: 'newest' });
  });

  it('is not explained by an event from before the last success', () => {
    const events = [event('exceeded quota', '2026-01-01T00:01:00Z')];
    expect(syncOf(failing('2026-01-01T00:05:00Z'), events)).toMatchObject({ why: 'could not update secret' });
  });

  it('is not explained by an event of an earlier object with the same name', () => {
    const events = [event('exceeded quota', '2026-01-01T00:06:00Z', { uid: 'earlier' })];
    expect(syncOf(failing('2026-01-01T00:05:00Z'), events)).toMatchObject({ why: 'could not update secret' });
  });
});
