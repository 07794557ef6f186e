import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The texts of licenses by their SPDX identifiers, for packages that name their license and do not contain it. */
const standardTexts: Readonly<Record<string, string>> = {
  'Apache-2.0': readFileSync(new URL('../LICENSE', import.meta.url), 'utf8').trim(),
  ISC: `Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.`,
};

/**
 * The licenses of the packages in these folders. Their texts must come with every copy of the code.
 * @throws Error for a package whose license is unknown
 */
export const licensesOf = (folders: readonly string[]): string =>
  folders.map(licenseOf).join(`\n\n${'-'.repeat(80)}\n\n`);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
}

function licenseOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const { name, version, license = '', author } = manifest;
  const title = `${name} ${version} (${license})`;
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const standard = standardTexts[license];
  if (license === '' || (texts.length === 0 && standard === undefined))
    throw new Error(`could not find the license of ${name} ${version} in ${folder}`);
  if (texts.length > 0) return [title, ...texts].join('\n\n');
  const holder = typeof author === 'string' ? author : author?.name;
  return [title, ...(holder ? [`Copyright (c) ${holder}`] : []), standard].join('\n\n');
}
