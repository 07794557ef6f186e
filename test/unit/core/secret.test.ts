import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { knownRegions } from '../../../src/clients/aws/regions.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import { withoutSecrets, Secret } from '../../../src/core/secret.ts';

const value = 'pa"ss\\word & 100 % sécret';

describe('a secret', () => {
  const secret = new Secret(value);

  it.each([
    ['a template', String(secret)],
    ['JSON', JSON.stringify({ secret })],
    ['util.inspect', inspect({ secret }, { depth: null, showHidden: true, getters: true })],
  ])('prints as (secret) in %s', (_, text) => {
    expect(text).toContain('(secret)');
    expect(text).not.toContain('ss\\');
  });

  it.each([
    ['as it is', value],
    ['in JSON', JSON.stringify(value)],
    ['in a URL', encodeURIComponent(value)],
    ['in base64', Buffer.from(value).toString('base64')],
  ])('is masked in other text, %s', (_, text) => {
    expect(withoutSecrets(`the server says: ${text}, denied`)).toMatch(
      /^the server says: "?\(secret\)"?, denied$/,
    );
    expect(withoutSecrets(text)).toMatch(/^"?\(secret\)"?$/);
  });

  it('is masked completely even if it contains a shorter one', () => {
    const longer = new Secret(`before-${value}-after`);
    expect(withoutSecrets(`it says ${longer.reveal()}`)).toBe('it says (secret)');
  });

  it.each(knownRegions)(
    'that is the region %s is not masked, although it is stored with the key',
    (region) => {
      const host = `111122223333.dkr.ecr.${new Secret(region).reveal()}.amazonaws.com`;
      expect(withoutSecrets(host)).toBe(host);
    },
  );

  it('can be any text, even with an unpaired surrogate', () => {
    expect(withoutSecrets(`it says ${new Secret('password\ud800').reveal()}`)).toBe('it says (secret)');
  });

  it('is masked in an error as JSON', () => {
    const error = new BootstrapError({ code: 'aws-failed', what: 'ask', why: `no: ${value}`, hint: 'Wait.' });
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ why: 'no: (secret)' });
  });

  it('is masked in an error that is inspected, with all its causes', () => {
    const cause = new Error('refused', { cause: new Error(`what was sent: ${value}`) });
    const error = new BootstrapError(
      { code: 'aws-failed', what: 'ask', why: 'refused', hint: 'Wait.' },
      { cause },
    );
    expect(inspect({ error }, { depth: null })).toContain('what was sent: (secret)');
    expect(inspect(error)).not.toContain(value);
  });
});
