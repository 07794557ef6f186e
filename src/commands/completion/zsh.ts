import {
  allFlags,
  type CommandTree,
  type CommandWords,
  type FlagWords,
  nesting,
  shellQuoted,
  type Values,
} from './words.ts';

/** The completion script for zsh, to be sourced or to be a file `_ecr-bootstrap` in a folder of `fpath`. */
export function zsh(tree: CommandTree): string {
  const { commands, global } = tree;
  const sources = [
    ...allFlags(tree).map(({ values }) => values),
    ...commands.map(({ argument }) => argument),
  ];
  const described = [...new Set(sources.filter(isDescribed))];
  const action = (values: Values): string =>
    isDescribed(values) ? ` ${functionName(described.indexOf(values))}` : plainAction(values);
  const specs = (flags: readonly FlagWords[]): string[] => flags.flatMap((flag) => flagSpecs(flag, action));
  const commandCase = ({ name, flags, argument }: CommandWords): string => {
    const words = argument.from === 'text' ? [] : [`1:argument:${action(argument)}`];
    const own = [...specs(flags), ...words].map(shellQuoted).join(' ');
    return name === nesting
      ? `        ${name}) _ecr-bootstrap ${own} && found=0 ;;`
      : `        ${name}) _arguments -s $global ${own} && found=0 ;;`;
  };
  return `_ecr-bootstrap() {
  local curcontext=$curcontext state found=1
  typeset -A opt_args
  local -a commands=(
${commands.map(({ name, summary }) => `    ${shellQuoted(`${name}:${summary}`)}`).join('\n')}
  )
  local -a global=(
${specs(global)
  .map((spec) => `    ${shellQuoted(spec)}`)
  .join('\n')}
  )
  _arguments -C -s $global "$@" '1:command:->command' '*:: :->argument' && found=0
  case $state in
    command) _describe -t commands command commands && found=0 ;;
    argument)
      curcontext=\${curcontext%:*:*}:ecr-bootstrap-$words[1]:
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac ;;
  esac
  return found
}

_ecr-bootstrap_list() {
  local expl
  local -a names=("\${(@f)$(ecr-bootstrap completion $1 2>/dev/null)}")
  _wanted $1 expl $1 compadd -a names
}

_ecr-bootstrap_layouts() {
  if compset -P 'oci:'; then _files -/; else compadd -S '' oci:; fi
}

${described.map((values, index) => wordsFunction(values, functionName(index))).join('\n\n')}

if [[ $funcstack[1] == _ecr-bootstrap ]]; then
  _ecr-bootstrap "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _ecr-bootstrap ecr-bootstrap
fi`;
}

type DescribedValues = Extract<Values, { readonly from: 'words' }>;

/** Words with explanations, and lists, need a function. */
const isDescribed = (values: Values | undefined): values is DescribedValues =>
  values?.from === 'words' && (values.isList || values.words.some(({ about }) => about !== undefined));

const functionName = (index: number): string => `_ecr-bootstrap_words_${index}`;

function wordsFunction({ words, isList }: DescribedValues, name: string): string {
  if (isList) {
    const items = words.map(({ word, about = '' }) => shellQuoted(`${word}[${bracketed(about)}]`));
    return `${name}() {\n  _values -s , value ${items.join(' ')}\n}`;
  }
  const items = words.map(({ word, about = '' }) => `    ${shellQuoted(`${word}:${about}`)}`);
  // A name follows a slash.
  const suffix = words.every(({ word }) => word.endsWith('/')) ? " -S ''" : '';
  return `${name}() {\n  local -a words=(\n${items.join('\n')}\n  )\n  _describe value words${suffix}\n}`;
}

function plainAction(values: Values): string {
  switch (values.from) {
    case 'files':
      return '_files';
    case 'layouts':
      return ' _ecr-bootstrap_layouts';
    case 'program':
      return ` _ecr-bootstrap_list ${values.list}`;
    case 'words':
      return `(${values.words.map(({ word }) => word).join(' ')})`;
    case 'text':
      return ' ';
  }
}

/** One specification for \`_arguments\` per name of the flag. */
function flagSpecs(
  { names, description, values, placeholder, isRepeatable }: FlagWords,
  action: (values: Values) => string,
): string[] {
  const once = isRepeatable ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  const value = values === undefined ? '' : `:${bracketed(placeholder)}:${action(values)}`;
  return names.map((name) => {
    const separator = values === undefined ? '' : name.startsWith('--') ? '=' : '+';
    return `${once}${name}${separator}[${bracketed(description)}]${value}`;
  });
}

const bracketed = (text: string): string => text.replace(/[\\[\]:]/g, '\\$&');
