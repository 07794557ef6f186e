# The mirror files of one node: CERTS/HOST/hosts.toml makes containerd pull the images of an upstream host from ECR.
# Shared by the agent (node-agent.sh) and the script for joining nodes (node-join.sh), which are appended to this file.
# POSIX sh, run by busybox, dash and bash. PROJECT is required; CONTAINERD is set by tests only.
set -u
umask 022
LC_ALL=C
export LC_ALL

: "${PROJECT:?is not set}"
CONTAINERD=${CONTAINERD:-/etc/containerd}
CERTS=$CONTAINERD/certs.d
# A file is managed by ecr-bootstrap, for this project, exactly if this is its first line.
HEADER="# managed by ecr-bootstrap $PROJECT"
# containerd 2.2 to 2.4 take their default config_path, a list of two folders, for the name of one folder. A link at
# that path lets them find the files (https://github.com/containerd/containerd/issues/12808).
LINK=$CERTS:/etc/docker/certs.d
# containerd reads hosts.toml and certificates only, so it never reads a temporary file.
TEMPORARY=.hosts.toml.ecr-bootstrap

say() { printf '%s\n' "$*"; }

utc() { date -u -d "@$1" '+%Y-%m-%d %H:%M UTC'; }

# Removes what could change the display of a terminal.
printable() { tr -cd '\040-\176'; }

# Prints the first line of a regular file, up to 256 bytes: a shell reads single bytes, which takes minutes for a large
# file, and a pipe would never end.
first_line() (
  line=
  [ ! -f "$1" ] || line=$(head -c 256 "$1" 2>/dev/null | tr '\000' '?' | head -n 1)
  say "$line"
)

is_managed() { [ -f "$1" ] && [ ! -L "$1" ] && [ ! -L "${1%/*}" ] && [ "$(first_line "$1")" = "$HEADER" ]; }

# Prints why ecr-bootstrap must not write the file of host $1; prints nothing if it may.
blocker() (
  for path in "$CERTS" "$CERTS/$1"; do
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then
      say "$path is not a folder that ecr-bootstrap manages"
      return
    fi
  done
  file=$CERTS/$1/hosts.toml
  if [ -L "$file" ] || { [ -e "$file" ] && [ ! -f "$file" ]; }; then
    say "$file is not a file that ecr-bootstrap manages"
  elif [ -e "$file" ] && ! is_managed "$file"; then
    line=$(first_line "$file" | printable | cut -c 1-80)
    # A comment names the program. A setting, also one in a comment, may contain credentials.
    case $line in
      *[=@]*) line= ;;
      '#'*) line=", its first line is: $line" ;;
      *) line= ;;
    esac
    say "$file is managed by another program$line"
  fi
)

# Replaces file $1 with standard input by a rename, so that readers find the old or the new file and nothing between.
replace_file() {
  mkdir -p "${1%/*}" || return
  # The name is unique, because two writers of one temporary file could publish half of it. Its mode is 0600.
  temporary=$(mktemp "${1%/*}/$TEMPORARY.XXXXXX") || return
  # After a power failure, a file that was renamed before its content reached the disk could be empty.
  cat >"$temporary" && sync "$temporary" && mv -f "$temporary" "$1" && return
  rm -f "$temporary"
  return 1
}

# Writes standard input to the file of host $1. If that fails, it prints why and returns 1.
write_host() (
  file=$CERTS/$1/hosts.toml
  error=$(replace_file "$file" 2>&1) && return
  say "could not write $file: ${error##*: }"
  return 1
)

# Creates the link, unless something else has its path.
create_link() {
  [ -L "$LINK" ] || [ -e "$LINK" ] || { mkdir -p "${LINK%/*}" && ln -s "$CERTS" "$LINK"; } 2>/dev/null
}

has_link() { [ -L "$LINK" ] && [ "$(readlink "$LINK")" = "$CERTS" ]; }

# Deletes what an interrupted write left.
delete_temporary_files() { rm -f "$CERTS"/*/"$TEMPORARY".*; }

# Deletes all managed files, the link, and the folders that are empty afterwards. CERTS itself stays: it may be older
# than ecr-bootstrap, and an empty one changes nothing.
delete_all() {
  for folder in "$CERTS"/*; do
    # Folders of other programs stay, empty ones too.
    if [ -L "$folder" ] || [ ! -d "$folder" ] || [ -z "$(ls -A "$folder")" ]; then continue; fi
    rm -f "$folder/$TEMPORARY".* || return
    if is_managed "$folder/hosts.toml"; then rm -f "$folder/hosts.toml" || return; fi
    rmdir "$folder" 2>/dev/null || :
  done
  if has_link; then
    rm -f "$LINK" || return
    for folder in "$CERTS:/etc/docker" "$CERTS:/etc" "$CERTS:"; do rmdir "$folder" 2>/dev/null || :; done
  fi
}
