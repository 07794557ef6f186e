/**
 * The text of a file by its byte order mark. Editors and shells on Windows mark UTF-8 and write UTF-16: `>` does so in
 * PowerShell 5.
 * @throws TypeError with `fatal`, when it is not such text
 */
export function decodeText(bytes: Buffer, options?: { readonly fatal: boolean }): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding, options).decode(bytes);
}
