import {
  allFlags,
  type CommandTree,
  type CommandWords,
  type FlagWords,
  namesOf,
  nesting,
  shellQuoted,
  type Values,
  type Word,
} from './words.ts';

/**
 * The completion script for bash 3.2 and newer. It needs no other package. Names from the kubeconfig are compared and
 * quoted, but never evaluated, as `compgen -W` would do. Bash 4 and newer report when they only list candidates.
 * These have their titles then.
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
    "") values=${shellQuoted(commandLines(commands))} ;;
  esac
  ((count > 0)) && values=""
  flags=$flags$'\\n'${shellQuoted(flagLines(global))}
  case $word in
    -*) _ecr_bootstrap_offer "$flags" ;;
    *) _ecr_bootstrap_offer "\${values:-$flags}" ;;
  esac
}

# Adds the words of $1 that begin with the word of the line, as readline expects them. A title can follow after a tab.
_ecr_bootstrap_offer() {
  local candidate i longest=0
  local -a titles=()
  while IFS= read -r candidate; do
    [[ -n $candidate && $kept$candidate == "$word"* ]] || continue
    titles+=("\${candidate#"\${candidate%%$'\\t'*}"}")
    candidate=$kept\${candidate%%$'\\t'*}
    printf -v candidate %q "\${candidate:cut}"
    COMPREPLY+=("$candidate")
    ((\${#candidate} > longest)) && longest=\${#candidate}
  done <<<"$1"
  # A name follows a slash.
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
  # Only for a list: readline inserts a single candidate, and those of menus, with their titles.
  [[ \${#COMPREPLY[@]} -gt 1 && \${COMP_TYPE:-} =~ ^(33|63|64)$ ]] || return
  for ((i = 0; i < \${#COMPREPLY[@]}; i++)); do
    [[ -n \${titles[i]} ]] || continue
    printf -v candidate '%-*s  %s' "$longest" "\${COMPREPLY[i]}" "\${titles[i]:1}"
    COMPREPLY[i]=\${candidate:0:\${COLUMNS:-80}-1}
  done
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

_ecr_bootstrap_offer_layouts() {
  local IFS=$'\n' folder
  compopt -o nospace 2>/dev/null
  if [[ $word == oci:* ]]; then
    for folder in $(compgen -d -- "\${word#oci:}"); do folder=oci:$folder; COMPREPLY+=("\${folder:cut}"); done
    compopt -o filenames 2>/dev/null
  elif [[ oci: == "$word"* ]]; then COMPREPLY=(oci:)
  fi
}

complete -F _ecr_bootstrap ecr-bootstrap`;
}

function offer(values: Exclude<Values, { readonly from: 'text' }>): string {
  switch (values.from) {
    case 'files':
      return '_ecr_bootstrap_offer_files';
    case 'layouts':
      return '_ecr_bootstrap_offer_layouts';
    case 'program':
      return `_ecr_bootstrap_offer "$(ecr-bootstrap completion ${values.list} 2>/dev/null)"`;
    case 'words':
      return `_ecr_bootstrap_offer${values.isList ? '_list' : ''} ${shellQuoted(wordsOf(values))}`;
  }
}

/** One word per line, with its title after a tab. */
const lines = (words: readonly Word[]): string =>
  words.map(({ word, about }) => (about === undefined ? word : `${word}\t${about}`)).join('\n');

const wordsOf = (values: Values): string => (values.from === 'words' ? lines(values.words) : '');

const commandLines = (commands: readonly CommandWords[]): string =>
  lines(commands.map(({ name, summary }) => ({ word: name, about: summary })));

const flagLines = (flags: readonly FlagWords[]): string =>
  lines(flags.flatMap(({ names, description }) => names.map((word) => ({ word, about: description }))));

function commandCase(
  { name, flags, argument }: CommandWords,
  _index: number,
  all: readonly CommandWords[],
): string {
  const values = name === nesting ? commandLines(all) : wordsOf(argument);
  return `    ${name}) values=${shellQuoted(values)} flags=${shellQuoted(flagLines(flags))} ;;`;
}
