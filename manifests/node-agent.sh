# The agent on each node, appended to node-files.sh: keeps the mirror files equal to those of the mounted Secret.
# $1 is the mode: write (once), watch (until SIGTERM), check (readiness) or remove. MIRRORS, CONTAINER_ENV and INTERVAL
# (seconds) are set by tests only. Nothing here prints the content of a mirror file, because it contains the token.
MIRRORS=${MIRRORS:-/mirrors}
# CRI-O puts this file into every container (SetContainerEnvFile in its internal/lib/sandbox/sandbox.go), and containerd
# does not. The folders of CRI-O are mounted if the cluster has a node with CRI-O.
CONTAINER_ENV=${CONTAINER_ENV:-/run/.containerenv}
RUNTIME=containerd
[ ! -e "$CONTAINER_ENV" ] || [ ! -d "$CRIO" ] || RUNTIME=crio
INTERVAL=${INTERVAL:-10}
HOUR=3600
MAX_RESTORES=3

# Host names become folder names, so they must not be paths, hidden files or options.
is_host_name() {
  case $1 in
    '' | [!a-z0-9]* | *[!a-z0-9.-]* | *..*) return 1 ;;
  esac
}

# Prints the hosts of the Secret. Its other keys are expires_at and the kubelet's hidden files.
hosts() (
  for source in "$MIRRORS"/*; do
    host=${source##*/}
    if is_host_name "$host" && [ -f "$source" ]; then say "$host"; fi
  done
)

# Runs a command with the mirror file of host $1 in the Secret as its input.
mirror_file() {
  source=$MIRRORS/$1
  shift
  "$@" <"$source"
}

# Prints when the token expires, in Unix seconds. Fails if the Secret has no such time, or is not mounted.
expires_at() (
  time=$(first_line "$MIRRORS/expires_at")
  case $time in
    '' | 0* | *[!0-9]* | ????????????*) return 1 ;;
  esac
  say "$time"
)

# In steps of ten minutes, because `watch` prints a line whenever this text changes.
duration() (
  tens=$(($1 / 600))
  minutes=$((tens * 10))
  if [ "$minutes" -eq 0 ]; then
    say 'less than 10 min'
  elif [ "$minutes" -lt 60 ]; then
    say "$minutes min"
  else
    say "$((minutes / 60)) h $((minutes % 60)) min"
  fi
)

token_problem() (
  expiry=$(expires_at) || {
    say 'the Secret node-access has no valid expires_at'
    return
  }
  left=$((expiry - $(date +%s)))
  if [ "$left" -le 0 ]; then
    say "the token expired at $(utc "$expiry") and was not renewed, so pulls fail"
  elif [ "$left" -lt $((3 * HOUR)) ]; then
    say "the token expires in $(duration "$left") and was not renewed"
  fi
)

has_mode() { [ "$(stat -c %a "$(path_of "$1")" 2>/dev/null)" = "$(mode_of "$1")" ]; }

has_content() { wanted_file "$1" cmp -s - "$(path_of "$1")"; }

is_current() { has_content "$1" && has_mode "$1"; }

# Without a limit for repetitions, because every user of the node could read the token meanwhile.
correct_mode() { has_mode "$1" || chmod "$(mode_of "$1")" "$(path_of "$1")" 2>/dev/null; }

# Whether the Secret has a file for host $1 that can be recognized later, and that the files of CRI-O can be made from.
is_valid() {
  [ "$(first_line "$MIRRORS/$1")" = "$HEADER" ] || return
  [ "$RUNTIME" != crio ] || { [ -n "$(mirror_file "$1" location)" ] && [ -n "$(mirror_file "$1" encoded_login)" ]; }
}

# Prints the names of the files that this node shall have, in the order in which CRI-O needs them.
names() (
  others='_login _settings'
  [ "$RUNTIME" = crio ] || others=
  for host in $(hosts); do
    if [ -n "$others" ] && is_valid "$host"; then
      say "$others"
      others=
    fi
    say "$host"
  done
)

# Prints why file $1 must not be written, if the Secret or another program is the reason.
obstacle() {
  case $1 in
    _*) blocker "$1" ;;
    *) if is_valid "$1"; then blocker "$1"; else say "the Secret node-access has no valid file for $1"; fi ;;
  esac
}

file_problem() (
  file=$(path_of "$1")
  reason=$(obstacle "$1")
  if [ -n "$reason" ]; then
    say "$reason"
  elif [ ! -e "$file" ]; then
    say "$file is missing"
  elif ! is_current "$1"; then
    say "$file differs from the Secret node-access"
  fi
)

# The files that `watch` does not restore for a while, as words NAME@END.
pauses=

# Prints why a file is missing that another program removed repeatedly, as far as the node shows it.
pause_reason() (
  for entry in $pauses; do
    [ "${entry%@*}" = "$1" ] || continue
    folder=$CERTS
    [ "$RUNTIME" = containerd ] || folder=$(dirname "$(path_of "$1")")
    found=
    for path in "$folder"/*; do found="$found ${path##*/}"; done
    printf ' and is not restored before %s, because another program removed or changed it %s times within an hour' \
      "$(utc "${entry#*@}")" "$MAX_RESTORES"
    printf '; %s contains:%s' "$folder" "$(say "$found" | printable)"
  done
)

# Prints all problems, one per line. Files in a row can have the same one.
problems() (
  token_problem
  previous=
  for name in $(names); do
    problem=$(file_problem "$name")
    [ -z "$problem" ] || [ "$problem" = "$previous" ] || say "$problem$(pause_reason "$name")"
    previous=$problem
  done
)

# Joins the lines of standard input.
join_lines() (
  separator=
  while IFS= read -r line; do
    printf '%s%s' "$separator" "$line"
    separator='; '
  done
)

write() (
  status=0
  delete_temporary_files
  for name in $(names); do
    [ -n "$(obstacle "$name")" ] || wanted_file "$name" write_file "$name" || status=1
  done
  create_link
  return "$status"
)

# What `watch` remembers, as lists of words: NAME=CHECKSUM of each file that was in place after the last pass, and
# NAME@TIME of each restore.
in_place=
restores=
last_state=
# What one pass collects, one line each.
events=
errors=
NEWLINE='
'

add_event() { events=$events$1$NEWLINE; }

# Prints the entries of list $1 that have a time after $2.
entries_after() (
  for entry in $1; do
    if [ "${entry##*@}" -gt "$2" ]; then printf ' %s' "$entry"; fi
  done
)

count_restores() (
  count=0
  for entry in $restores; do
    case $entry in "$1@"*) count=$((count + 1)) ;; esac
  done
  say "$count"
)

# Writes file $1 when it is new or renewed. Restores it when another program removed or changed it, a limited number of
# times, because that program may do so again each time.
keep_file() {
  [ -z "$(obstacle "$1")" ] || return
  content="$1=$(wanted_file "$1" sha256sum | cut -c 1-64)"
  if ! correct_mode "$1" || ! has_content "$1"; then
    case $pauses in *" $1@"*) return ;; esac
    case "$in_place " in
      *" $content "*)
        if [ "$(count_restores "$1")" -ge "$MAX_RESTORES" ]; then
          pauses="$pauses $1@$((now + HOUR))"
          return
        fi
        restores="$restores $1@$now"
        add_event "restored $(path_of "$1"), which another program removed or changed"
        ;;
    esac
    error=$(wanted_file "$1" write_file "$1") || {
      errors=$errors$error$NEWLINE
      return
    }
  fi
  now_in_place="$now_in_place $content"
}

# Prints the hosts that have a file.
written_hosts() (
  if [ "$RUNTIME" = crio ]; then
    for file in "$REGISTRIES"/ecr-bootstrap-*.conf; do
      host=${file##*/ecr-bootstrap-}
      say "${host%.conf}"
    done
  else
    for file in "$CERTS"/*/hosts.toml; do say "$(basename "${file%/*}")"; done
  fi
)

# Deletes the files of hosts that the Secret no longer has. An empty or missing Secret deletes nothing.
delete_stale_hosts() {
  expires_at >/dev/null || return
  for host in $(written_hosts); do
    file=$(path_of "$host")
    if ! is_host_name "$host" || ! is_managed "$file" || [ -e "$MIRRORS/$host" ]; then continue; fi
    rm -f "$file" || continue
    [ "$RUNTIME" = crio ] || rmdir "${file%/*}" 2>/dev/null || :
    add_event "deleted $file, because $host is no longer mirrored"
  done
}

watch_once() {
  now=$(date +%s)
  restores=$(entries_after "$restores" $((now - HOUR)))
  pauses=$(entries_after "$pauses" "$now")
  events=
  errors=
  now_in_place=
  for name in $(names); do keep_file "$name"; done
  in_place=$now_in_place
  delete_stale_hosts
  create_link

  state=$(
    {
      # First, because `status` shows the beginning only, and an error is the reason for problems of its host.
      printf '%s' "$errors"
      problems
    } | join_lines
  )
  [ -n "$state" ] || state="ready; mirrored: $(hosts | tr '\n' ' ' | sed 's/ $//'); the token expires at $(utc "$(expires_at)")"
  [ "$state$events" != "$last_state" ] || return
  # The last line is the state, so that the last line of the log is always the reason why a pod is not ready.
  printf '%s%s\n' "$events" "$state"
  last_state=$state
}

watch() {
  # A shell runs a trap only between commands, but interrupts `wait` for it.
  trap 'kill "${!-}" 2>/dev/null; exit 0' TERM INT
  delete_temporary_files
  while :; do
    watch_once
    sleep "$INTERVAL" &
    wait "$!"
  done
}

check() (
  state=$(problems | join_lines)
  [ -z "$state" ] || {
    say "$state"
    return 1
  }
)

case ${1:-} in
  write) write ;;
  watch) watch ;;
  check) check ;;
  remove) delete_all ;;
  *)
    say 'usage: node-access write|watch|check|remove' >&2
    exit 2
    ;;
esac
