/**
 * Decodes a file as UTF-8 or UTF-16 by its byte order mark. Windows editors add the mark to UTF-8. `>` in
 * PowerShell 5 writes UTF-16.
 * @throws TypeError with `fatal`, when the bytes are not valid text
 */
export function decodeText(bytes: Buffer, options?: { readonly fatal: boolean }): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding, options).decode(bytes);
}
