import { describe, expect, it } from 'vitest';
import { render } from '../../../../sandbox/operator/template.ts';

const data = { a: 'https://x', '.k': 'v', q: 'say "hi"' };

describe('the template engine of the operator', () => {
  it.each([
    ['plain', 'plain'],
    ['<{{ .a }}>', '<https://x>'],
    ['{{ .a | trimPrefix "https://" }}', 'x'],
    ['{{ index . ".k" }}', 'v'],
    ['{{ printf "%s:%s" .a (index . ".k") | b64enc }}', Buffer.from('https://x:v').toString('base64')],
    ['{{ .q | quote }}', '"say \\"hi\\""'],
    ['{{ .q | toJson }}', '"say \\"hi\\""'],
  ])('renders %s', (template, expected) => {
    expect(render(template, data)).toBe(expected);
  });

  it.each(['{{ .missing }}', '{{ env "HOME" }}', '{{ .a | nope }}', '{{ (.a }}', '{{ .a .a }}'])(
    'refuses %s',
    (template) => {
      expect(() => render(template, data)).toThrow();
    },
  );
});
