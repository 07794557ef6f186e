# The mirror files of one node, which make its container runtime pull the images of upstream hosts from ECR:
# - containerd: CERTS/HOST/hosts.toml for each host, with the login
# - CRI-O: REGISTRIES/ecr-bootstrap-HOST.conf for each host, LOGIN_FILE with the login for all of them, and SETTINGS_FILE,
#   which makes CRI-O read that login, and new files of hosts without a restart
# Shared by the agent (node-agent.sh) and the script for joining nodes (node-join.sh), which are appended to this file.
# They set RUNTIME (containerd or crio), and define `hosts`, which prints the hosts, and `mirror_file HOST COMMAND...`,
# which runs a command with the hosts.toml of a host as its input. The files of CRI-O are made from it.
# POSIX sh, run by busybox, dash and bash. PROJECT is required; CONTAINERD, CONTAINERS and CRIO are set by tests only.
set -u
umask 022
LC_ALL=C
export LC_ALL

: "${PROJECT:?is not set}"
CONTAINERD=${CONTAINERD:-/etc/containerd}
CERTS=$CONTAINERD/certs.d
CONTAINERS=${CONTAINERS:-/etc/containers}
REGISTRIES=$CONTAINERS/registries.conf.d
CRIO=${CRIO:-/etc/crio}
LOGIN_FILE=$CRIO/ecr-bootstrap-auth.json
# CRI-O reads this folder in the order of names, and a later file wins. So this one follows those that begin with digits.
SETTINGS_FILE=$CRIO/crio.conf.d/ecr-bootstrap.conf
# A file is managed by ecr-bootstrap, for this project, exactly if one of these is its first line. JSON has no comments.
HEADER="# managed by ecr-bootstrap $PROJECT"
LOGIN_HEADER="{\"//\": \"managed by ecr-bootstrap $PROJECT\","
# containerd 2.2 to 2.4 take their default config_path, a list of two folders, for the name of one folder. A link at
# that path lets them find the files (https://github.com/containerd/containerd/issues/12808).
LINK=$CERTS:/etc/docker/certs.d
# containerd reads hosts.toml and certificates only, and CRI-O *.conf in REGISTRIES, so they never read a temporary file.
# In the folder of SETTINGS_FILE, CRI-O reads every file.
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

is_managed() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ ! -L "${1%/*}" ] || return
  case $(first_line "$1") in
    "$HEADER" | "$LOGIN_HEADER") ;;
    *) return 1 ;;
  esac
}

# The files have names: a host, or for CRI-O also _login and _settings, which are no host names.
path_of() {
  case $RUNTIME:$1 in
    crio:_login) say "$LOGIN_FILE" ;;
    crio:_settings) say "$SETTINGS_FILE" ;;
    crio:*) say "$REGISTRIES/ecr-bootstrap-$1.conf" ;;
    *) say "$CERTS/$1/hosts.toml" ;;
  esac
}

# Other users may read files without a login. podman and skopeo, which they may run, fail at a file in REGISTRIES that
# they cannot read.
mode_of() {
  case $RUNTIME:$1 in
    crio:_login | containerd:*) say 600 ;;
    *) say 644 ;;
  esac
}

# Prints where ECR has the images of a host, from its mirror file in standard input. CRI-O reads the text as TOML.
location() {
  sed -n 's|^server = "https://\([a-z0-9.:-]\{1,\}\)/v2/\([a-z0-9._/-]\{1,\}\)"$|\1/\2|p' | head -n 1
}

# Prints the encoded login in a mirror file in standard input.
encoded_login() { sed -n 's|^Authorization = "Basic \([A-Za-z0-9+/=]\{1,\}\)"$|\1|p' | head -n 1; }

# `location` and no mirror, because CRI-O would ask the upstream host when a mirror does not have the image.
render_registry() {
  printf '%s\n[[registry]]\nprefix = "%s"\nlocation = "%s"\n' "$HEADER" "$1" "$(mirror_file "$1" location)"
}

# The login is valid for the paths of these hosts only: images with names in ECR need a pull secret, as with containerd.
render_login() (
  printf '%s\n"auths": {' "$LOGIN_HEADER"
  separator=
  for host in $(hosts); do
    place=$(mirror_file "$host" location)
    login=$(mirror_file "$host" encoded_login)
    if [ -z "$place" ] || [ -z "$login" ]; then continue; fi
    printf '%s\n"%s": {"auth": "%s"}' "$separator" "$place" "$login"
    separator=,
  done
  printf '}}\n'
)

# CRI-O reads these two settings when it starts, and afterwards the login at each pull, and the files of hosts when one of
# them changes (server.New, startWatcherForMirrorRegistries in its server/server.go, 1.31 to 1.37).
render_settings() {
  printf '%s\n[crio.image]\nauto_reload_registries = true\nglobal_auth_file = "%s"\n' "$HEADER" "$LOGIN_FILE"
}

# Runs a command with the content that file $1 shall have as its input.
wanted_file() {
  name=$1
  shift
  case $RUNTIME:$name in
    crio:_login) render_login | "$@" ;;
    crio:_settings) render_settings | "$@" ;;
    crio:*) render_registry "$name" | "$@" ;;
    *) mirror_file "$name" "$@" ;;
  esac
}

# Prints the prefixes of the [[registry]] entries in standard input, a registries.conf. Without a prefix, an entry is
# for its location.
prefixes() {
  awk '
    function value(line) {
      sub(/^[^=]*=[ \t]*["\047]/, "", line)
      sub(/["\047].*/, "", line)
      sub(/\/+$/, "", line)
      return line
    }
    function end_entry() {
      if (prefix == "") prefix = location
      if (prefix != "") print prefix
      prefix = location = ""
    }
    /^[ \t]*\[/ { end_entry(); inside = /^[ \t]*\[\[[ \t]*"?registry"?[ \t]*\]\]/ }
    inside && /^[ \t]*"?prefix"?[ \t]*=/ { prefix = value($0) }
    inside && /^[ \t]*"?location"?[ \t]*=/ { location = value($0) }
    END { end_entry() }
  '
}

# Prints what another program has configured for host $1. Of two entries with one prefix, CRI-O uses the one in the later
# file (updateWithConfigurationFrom in pkg/sysregistriesv2 of github.com/containers/image), so one would replace the other.
other_registry() (
  for file in "$CONTAINERS/registries.conf" "$REGISTRIES"/*.conf; do
    if [ ! -f "$file" ] || is_managed "$file"; then continue; fi
    if head -c 1000000 "$file" 2>/dev/null | prefixes | grep -Fqx -e "$1"; then
      say "$file has an entry for $1"
      return
    fi
  done
)

# CRI-O reads logins from one file.
other_login() (
  for file in "$CRIO/crio.conf" "$CRIO/crio.conf.d"/*; do
    if [ ! -f "$file" ] || is_managed "$file"; then continue; fi
    if head -c 1000000 "$file" 2>/dev/null | grep -q "^[[:blank:]]*global_auth_file[[:blank:]]*=[[:blank:]]*[\"'][^\"']"; then
      say "$file sets global_auth_file"
      return
    fi
  done
)

# Prints why ecr-bootstrap must not write file $1; prints nothing if it may.
blocker() (
  file=$(path_of "$1")
  case $RUNTIME:$1 in
    crio:_login) folders= ;;
    crio:_settings) folders=$CRIO/crio.conf.d ;;
    crio:*) folders=$REGISTRIES ;;
    *) folders=$CERTS ;;
  esac
  for path in $folders "${file%/*}"; do
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then
      say "$path is not a folder that ecr-bootstrap manages"
      return
    fi
  done
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
  elif [ "$RUNTIME" = crio ]; then
    case $1 in
      _login) ;;
      _settings) other_login ;;
      *) other_registry "$1" ;;
    esac
  fi
)

# Replaces file $1 with standard input by a rename, so that readers find the old or the new file and nothing between.
# $2 is its mode.
replace_file() {
  mkdir -p "${1%/*}" || return
  folder=${1%/*}
  [ "$1" != "$SETTINGS_FILE" ] || folder=$CRIO
  # The name is unique, because two writers of one temporary file could publish half of it. Its mode is 0600.
  temporary=$(mktemp "$folder/$TEMPORARY.XXXXXX") || return
  # After a power failure, a file that was renamed before its content reached the disk could be empty.
  cat >"$temporary" && chmod "$2" "$temporary" && sync "$temporary" && mv -f "$temporary" "$1" && return
  rm -f "$temporary"
  return 1
}

# Writes standard input to file $1. If that fails, it prints why and returns 1.
write_file() (
  file=$(path_of "$1")
  error=$(replace_file "$file" "$(mode_of "$1")" 2>&1) && return
  say "could not write $file: ${error##*: }"
  return 1
)

# Creates the link, unless something else has its path.
create_link() {
  [ "$RUNTIME" = containerd ] || return 0
  [ -L "$LINK" ] || [ -e "$LINK" ] || { mkdir -p "${LINK%/*}" && ln -s "$CERTS" "$LINK"; } 2>/dev/null
}

has_link() { [ -L "$LINK" ] && [ "$(readlink "$LINK")" = "$CERTS" ]; }

# Deletes what an interrupted write left.
delete_temporary_files() { rm -f "$CERTS"/*/"$TEMPORARY".* "$REGISTRIES/$TEMPORARY".* "$CRIO/$TEMPORARY".*; }

# Deletes all managed files of both runtimes, the link, and the folders that are empty afterwards. CERTS itself stays: it
# may be older than ecr-bootstrap, and an empty one changes nothing. REGISTRIES stays too, because CRI-O watches it.
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
  rm -f "$REGISTRIES/$TEMPORARY".* "$CRIO/$TEMPORARY".* || return
  for file in "$REGISTRIES"/ecr-bootstrap-*.conf "$SETTINGS_FILE" "$LOGIN_FILE"; do
    if is_managed "$file"; then rm -f "$file" || return; fi
  done
}
