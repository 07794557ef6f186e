import {
  allFlags,
  type CommandTree,
  type CommandWords,
  namesOf,
  nesting,
  shellQuoted,
  type Values,
} from './words.ts';

/**
 * The completion script for bash 3.2 and newer. It needs no other package. Names from the kubeconfig are compared and
 * quoted, but never evaluated, as `compgen -W` would do.
 */
export function bash(tree: CommandTree): string {
  const { commands, global } = tree;
  const flags = allFlags(tree).filter(({ values }) => values !== undefined);
  const valueCases = flags.flatMap(({ names, values }) =>
    values === undefined || values.from === 'text'
      ? []
      : [`    ${names.join('|')}) ${offer(values)}; return ;;`],
  );
  return `_ecr_bootstrap() {
  local IFS=$' \\t\\n' cut before="" command="" count=0 kept="" last part skip="" word
  local -a line
  COMPREPLY=()
  # Readline splits words at = and at colons.
  local i joins=""
  for ((i = 1; i <= COMP_CWORD; i++)); do
    part=\${COMP_WORDS[i]}
    last=$((\${#line[@]} - 1))
    if ((last >= 0)) && [[ -n $joins || $part =~ ^[=:]+$ ]]; then line[last]+=$part; else line+=("$part"); fi
    [[ $part =~ ^[=:]+$ ]] && joins=1 || joins=""
  done
  last=$((\${#line[@]} - 1))
  word=\${line[last]}
  ((last > 0)) && before=\${line[last-1]}
  [[ $word == --*=* ]] && before=\${word%%=*} word=\${word#*=}
  # Readline replaces only what follows the last of these characters.
  part=\${COMP_WORDS[COMP_CWORD]}
  [[ $part =~ ^[=:]+$ ]] && part=""
  cut=$((\${#word} - \${#part}))
  for ((i = 0; i < last; i++)); do
    if [[ -n $skip ]]; then skip=""; continue; fi
    case \${line[i]} in
      ${namesOf(flags).join('|')}) skip=1 ;;
      -*) ;;
      *) if [[ -z $command || $command == ${nesting} ]]; then command=\${line[i]}; else count=$((count + 1)); fi ;;
    esac
  done
  case $before in
${valueCases.join('\n')}
    ${namesOf(flags).join('|')}) return ;;
  esac
  local flags="" values=""
  case $command in
${commands.map(commandCase).join('\n')}
    "") values=${shellQuoted(commands.map(({ name }) => name).join('\n'))} ;;
  esac
  ((count > 0)) && values=""
  flags=$flags$'\\n'${shellQuoted(namesOf(global).join('\n'))}
  case $word in
    -*) _ecr_bootstrap_offer "$flags" ;;
    *) _ecr_bootstrap_offer "\${values:-$flags}" ;;
  esac
}

# Adds the lines of $1 that begin with the word, as readline expects them.
_ecr_bootstrap_offer() {
  local candidate
  while IFS= read -r candidate; do
    [[ -n $candidate && $kept$candidate == "$word"* ]] || continue
    candidate=$kept$candidate
    printf -v candidate %q "\${candidate:cut}"
    COMPREPLY+=("$candidate")
  done <<<"$1"
}

# Adds the items of $1 that can continue a comma-separated list.
_ecr_bootstrap_offer_list() {
  [[ $word == *,* ]] && kept=\${word%,*},
  _ecr_bootstrap_offer "$1"
}

_ecr_bootstrap_offer_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$word"))
  compopt -o filenames 2>/dev/null
}

complete -F _ecr_bootstrap ecr-bootstrap`;
}

function offer(values: Exclude<Values, { readonly from: 'text' }>): string {
  switch (values.from) {
    case 'files':
      return '_ecr_bootstrap_offer_files';
    case 'program':
      return `_ecr_bootstrap_offer "$(ecr-bootstrap completion ${values.list} 2>/dev/null)"`;
    case 'words':
      return `_ecr_bootstrap_offer${values.isList ? '_list' : ''} ${shellQuoted(wordsOf(values))}`;
  }
}

const wordsOf = (values: Values): string =>
  values.from === 'words' ? values.words.map(({ word }) => word).join('\n') : '';

function commandCase(
  { name, flags, argument }: CommandWords,
  _index: number,
  all: readonly CommandWords[],
): string {
  const values = name === nesting ? all.map((command) => command.name).join('\n') : wordsOf(argument);
  return `    ${name}) values=${shellQuoted(values)} flags=${shellQuoted(namesOf(flags).join('\n'))} ;;`;
}
