/**
 * Begins the lines of a list of references, one per line, that say what the list lacks. `images -q` writes them, and
 * `--keep` refuses such a list. For other readers they are comments.
 */
export const incompleteMark = '# incomplete: ';

/**
 * Begins the lines with what containers run, as their runtimes report it. An image with this digest is in use, in any
 * repository.
 */
export const runningMark = '# running: ';
