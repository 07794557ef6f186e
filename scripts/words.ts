/**
 * Words that texts for users and docs must not use, each with plain alternatives. CONTRIBUTING.md has the
 * glossary. `test/unit/ci/words.test.ts` searches the docs and the strings of the program for them.
 */
export const wordsToAvoid: readonly (readonly [words: RegExp, instead: string])[] = [
  [/\b(tells?|telling|told)\b/, 'say, show, report, print'],
  [/\b(whoever|whom|nobody|somebody|someone)\b/, 'name who acts: you, AWS, the operator, another user'],
  [/\b(for ever|forever)\b/, 'permanently, or leave it out'],
  [/\banew\b/, 'again; recreate'],
  [/\b(go|goes|going|went|gone) on\b/, 'continue, resume'],
  [/\b(take|takes|taking|taken|took) (it |them )?away\b/, 'remove, delete, uninstall'],
  [/\btak(e|es|en|ing) over\b/, 'adopt; continue'],
  [/\b(bears?|bearing|borne)\b/, 'has, carries'],
  [/\bon record\b/, 'registered'],
  [/\bmend(s|ed|ing)?\b/, 'fix, repair'],
  [/\b(is|are|was|were) over\b/, 'expired, ended'],
  [/\b(of|not) ours\b/, 'managed by ecr-bootstrap; unmanaged'],
  [/\bforeign\b/, 'unmanaged'],
  [/\bto be had\b/, 'available'],
  [/\bmade whole\b/, 'complete'],
  [/\b(un)?foreseen\b/, 'expected; unexpected'],
  [/\b(prove|proves|proved|proving|proofs?)\b/, 'verify, verified; check'],
  [/\bin the way\b/, 'blocks, prevents'],
  [/\blook(s|ed|ing)? at\b/, 'check, read'],
  [/\bnot seen\b/, 'unknown; could not be checked'],
  [/\bdeal(s|ing)? with\b/, 'fix, handle'],
  [/\bas (it|they) should be\b/, 'OK'],
  [/\bbeside\b/, 'next to; in addition to'],
  [/\b(parted by|spoilt|reckons?|outlives?|thereof|whereof|lest|henceforth)\b/, 'a plainer word'],
  [/(?<!\bthere )\bis no (?!longer\b)/, 'is not a'],
  [
    /\b(colou?rles|colour|behaviour|honour|(normal|recogn|organ|author|initial|real)is(e|es|ed|ing|ation))\b/,
    'the American spelling',
  ],
];
