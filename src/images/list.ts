/**
 * Begins the lines of a list of references, one per line, that say what the list lacks. `images -q` writes them, and
 * `--keep` refuses such a list. For other readers they are comments.
 */
export const incompleteMark = '# incomplete: ';
