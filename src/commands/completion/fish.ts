import { allFlags, type CommandTree, type FlagWords, namesOf, nesting, type Values } from './words.ts';

/** The completion script for fish. */
export function fish(tree: CommandTree): string {
  const { commands, global } = tree;
  const sources = [
    ...allFlags(tree).map(({ values }) => values),
    ...commands.map(({ argument }) => argument),
  ];
  const lists = [...new Set(sources.filter((values) => values?.from === 'words'))];
  const functionOf = (values: Values): string =>
    `__ecr_bootstrap_words_${lists.indexOf(values as WordValues)}`;
  const flagLine = (flag: FlagWords, condition = ''): string => {
    const names = flag.names.map((name) =>
      name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
    );
    const value = flag.values === undefined ? '' : valueArguments(flag.values, functionOf);
    return `${complete}${condition} ${names.join(' ')}${value} -d ${quoted(flag.description)}`;
  };
  const commandLines = commands.flatMap(({ name, summary, flags, argument }) => {
    const within = ` -n '__ecr_bootstrap_within ${name}'`;
    return [
      `${complete} -n '__ecr_bootstrap_within "" ${nesting}' -a ${name} -d ${quoted(summary)}`,
      ...(argument.from === 'words' ? [`${complete}${within} -a '(${functionOf(argument)})'`] : []),
      ...flags.map((flag) => flagLine(flag, within)),
    ];
  });
  const valueFlags = namesOf(allFlags(tree).filter(({ values }) => values !== undefined));
  return `# Whether the command of the line is one of these. It is empty before a command.
function __ecr_bootstrap_within
  set -l command ''
  set -l skip no
  for word in (commandline -poc)[2..]
    if test $skip = yes
      set skip no
    else if contains -- $word ${valueFlags.join(' ')}
      set skip yes
    else if not string match -q -- '-*' $word; and contains -- "$command" '' ${nesting}
      set command $word
    end
  end
  contains -- "$command" $argv
end
function __ecr_bootstrap_layouts
  set -l folder (commandline -ct | string replace -r '^(--[a-z]+=)?(oci:)?' '')
  printf 'oci:%s\n' (__fish_complete_directories "$folder" | string replace -r '\t.*' '')
end
${lists.map((values) => wordsFunction(values, functionOf(values))).join('\n')}
${complete} -f
${global.map((flag) => flagLine(flag)).join('\n')}
${commandLines.join('\n')}`;
}

const complete = 'complete -c ecr-bootstrap';

type WordValues = Extract<Values, { readonly from: 'words' }>;

/** Prints one word per line, each with its explanation after a tab. */
function wordsFunction({ words }: WordValues, name: string): string {
  const cells = words.flatMap(({ word, about = '' }) => [quoted(word), quoted(about)]);
  return `function ${name}\n  printf '%s\\t%s\\n' ${cells.join(' ')}\nend`;
}

/** Without -x, fish suggests files for every value. */
function valueArguments(values: Values, functionOf: (values: Values) => string): string {
  switch (values.from) {
    case 'files':
      return ' -r -F';
    case 'layouts':
      return " -x -a '(__ecr_bootstrap_layouts)'";
    case 'text':
      return ' -x';
    case 'program':
      return ` -x -a '(ecr-bootstrap completion ${values.list} 2>/dev/null)'`;
    case 'words':
      return ` -x -a '(${values.isList ? '__fish_complete_list , ' : ''}${functionOf(values)})'`;
  }
}

const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
