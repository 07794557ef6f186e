/** Control characters, and those that are not seen or turn the direction of text. */
const unprintable =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text of other people as it can safely be shown on a terminal: what would move the cursor, or not be seen at all,
 * as the escape with which JSON writes it.
 */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
