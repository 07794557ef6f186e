import { describe, expect, it } from 'vitest';
import { render } from '../../../../sandbox/operator/template.ts';

const auths = { 'ecr.example': { auth: 'QVdTOnQ=' } };
const data = { a: 'https://x', '.k': 'v', q: 'say "hi"', '.json': JSON.stringify({ auths, n: 3 }) };

describe('the template engine of the operator', () => {
  it.each([
    ['plain', 'plain'],
    ['<{{ .a }}>', '<https://x>'],
    ['{{ .a | trimPrefix "https://" }}', 'x'],
    ['{{ index . ".k" }}', 'v'],
    ['{{ printf "%s:%s" .a (index . ".k") | b64enc }}', Buffer.from('https://x:v').toString('base64')],
    ['{{ .q | quote }}', '"say \\"hi\\""'],
    ['{{ .q | toJson }}', '"say \\"hi\\""'],
    ['{{ (index (index . ".json" | fromJson).auths "ecr.example").auth }}', 'QVdTOnQ='],
    ['{{ index (index . ".json" | fromJson) "auths" "ecr.example" "auth" }}', 'QVdTOnQ='],
    ['{{ (index . ".json" | fromJson).n }}', '3'],
    ['<{{ index . "absent" }}>', '<>'],
  ])('renders %s', (template, expected) => {
    expect(render(template, data)).toBe(expected);
  });

  it.each(['{{ .missing }}', '{{ env "HOME" }}', '{{ .a | nope }}', '{{ (.a }}', '{{ .a .a }}'])(
    'refuses %s',
    (template) => {
      expect(() => render(template, data)).toThrow();
    },
  );

  it.each([
    ['{{ (index . ".json" | fromJson).absent }}', 'map has no entry for key "absent"'],
    ['{{ (index (index . ".json" | fromJson).auths "other").auth }}', 'nil data; no entry for key "auth"'],
    ['{{ (index . "absent" | fromJson).auths }}', 'nil data; no entry for key "auths"'],
    ['{{ index (.q | fromJson) "k" }}', 'error calling index: index of untyped nil'],
    ['{{ .a.b }}', "can't evaluate field b in type string"],
  ])('refuses %s as Go does', (template, message) => {
    expect(() => render(template, data)).toThrow(message);
  });
});
