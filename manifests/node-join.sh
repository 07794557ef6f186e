# Writes the mirror files on a node before it joins the cluster, or removes them; appended to node-files.sh. It needs
# PROJECT, ECR (the host of the registry), REGION and HOSTS (the upstream hosts, separated by spaces) set before it, and
# runs as root, for example by cloud-init. MODE=remove or the argument --remove removes the files.
# It contains no secret: it reads a token from standard input or gets one from AWS. It never changes a file of the
# container runtime and never restarts it; if that is necessary, it prints how. It exits with 0 only if every file is
# written and the container runtime uses them, otherwise with 1.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MODE=${MODE:-write}
RUNTIME=containerd

fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

has_command() { command -v "$1" >/dev/null 2>&1; }

# Prints the token. Under cloud-init, standard input is empty.
read_token() (
  token=
  if [ ! -t 0 ]; then
    # An input that stays open, as with `ssh` from a terminal, would otherwise look like a hang.
    say 'reading the registry token from standard input' >&2
    token=$(cat)
  fi
  if [ -z "$token" ]; then
    has_command aws || fail 'there is no registry token. Do one of these:' \
      "give it on standard input: aws ecr get-login-password --region $REGION | ssh NODE sudo sh node.sh" \
      'install the AWS CLI on this node, with credentials of the image puller'
    token=$(aws ecr get-login-password --region "$REGION") ||
      fail 'there is no registry token on standard input, and AWS gave none'
  fi
  case $token in
    '' | *[!A-Za-z0-9+/=_-]*) fail 'the registry token is not valid: it must be one line of base64 characters' ;;
  esac
  say "$token"
)

# Prints when token $1 expires, in Unix seconds. A token of ECR is JSON in base64; for any other, it prints nothing.
expiry_of() {
  say "$1" | base64 -d 2>/dev/null | tr -d '\000' | sed -n 's/.*"expiration" *: *\([1-9][0-9]\{0,10\}\)[^0-9].*/\1/p'
}

# Prints the file of host $1 as the ExternalSecret of the agent renders it, so that the agent only renews it. $2 is the
# encoded login.
render_file() {
  printf '%s\nserver = "https://%s/v2/%s/%s"\n' "$HEADER" "$ECR" "$PROJECT" "$1"
  printf 'override_path = true\ncapabilities = ["pull", "resolve"]\n[header]\nAuthorization = "Basic %s"\n' "$2"
}

hosts() { say "$HOSTS"; }

# Runs a command with the mirror file of host $1 as its input. The login is global.
mirror_file() {
  upstream=$1
  shift
  render_file "$upstream" "$login" | "$@"
}

write_files() {
  token=$(read_token) || exit 1
  # printf is part of the shell, so the token is in no process's arguments.
  login=$(printf 'AWS:%s' "$token" | base64 | tr -d '\n')
  delete_temporary_files
  written=
  status=0
  expiry=$(expiry_of "$token")
  # The files are written all the same, because the clock of a node that was off can be wrong.
  if [ -n "$expiry" ] && [ "$expiry" -le "$(date +%s)" ]; then
    printf 'error: the registry token expired at %s by the clock of this node; get a new one\n' "$(utc "$expiry")" >&2
    status=1
  fi
  others='_login _settings'
  folder=$REGISTRIES
  [ "$RUNTIME" = crio ] || { others= && folder=$CERTS; }
  for name in $others $HOSTS; do
    error=$(blocker "$name")
    [ -n "$error" ] || error=$(wanted_file "$name" write_file "$name") || :
    if [ -n "$error" ]; then
      printf 'error: %s\n' "$error" >&2
      status=1
      continue
    fi
    case $name in
      _*) ;;
      *) written="$written $name" ;;
    esac
  done
  create_link
  [ -z "$written" ] || say "wrote mirror files to $folder for:$written"
  return "$status"
}

# Prints config_path of the registry section in standard input, the output of `containerd config dump`.
config_path() {
  sed -n \
    -e '/^ *\[plugins\..io\.containerd\.grpc\.v1\.cri.\.registry\]/,/^$/s/^ *config_path = //p' \
    -e '/^ *\[plugins\..io\.containerd\.cri\.v1\.images.\.registry\]/,/^$/s/^ *config_path = //p' |
    tr -d "\"'" | sed 's:/$::'
}

# Whether containerd $1 (a version such as 2.1) reads the files with the configuration $2 (empty if unknown).
reads_files() (
  path=$(say "$2" | config_path)
  case $1 in
    0.* | 1.[0-6]) return 1 ;; # These need a [host] block in each file.
  esac
  [ "$path" != "$CERTS" ] || return 0
  # containerd 2.1 and later use one folder, unless a setting makes CRI pull without the transfer service.
  local_pull='^ *\(use_local_image_pull = true\|discard_unpacked_layers = true\|image_pull_with_sync_fs = true\)$'
  case $1 in
    1.* | 2.0) splits_list=yes ;;
    *) splits_list=$(say "$2" | grep -c "$local_pull" | sed 's/^0$//') ;;
  esac
  case ":$path:" in
    *":$CERTS:"*) [ -z "$splits_list" ] || return 0 ;;
  esac
  case $1 in
    1.* | 2.[01]) return 1 ;;
  esac
  # The default of containerd 2.2 and later, which works through the link. `registry.mirrors` switches it off.
  has_link || return
  case $path in
    '') ! say "$2" | grep -q '\.registry\.mirrors\.' ;;
    *) [ "$path" = "$CERTS:/etc/docker/certs.d" ] ;;
  esac
)

# What to change for containerd $1. $2 is the version of its configuration file, empty if unknown.
advise_containerd() (
  old_section='[plugins."io.containerd.grpc.v1.cri".registry]'
  section="[plugins.'io.containerd.cri.v1.images'.registry]"
  case $1 in
    0.* | 1.[0-6]) say "# containerd $1 does not use these files: first upgrade to 1.7 or later" ;;
  esac
  say '# In /etc/containerd/config.toml, set config_path in this section. If the section exists, change its line.'
  case $1:$2 in
    0.*:* | 1.*:*)
      section=$old_section
      say '# The file must begin with: version = 2'
      ;;
    *:2) section=$old_section ;;
    *:) say "# If the file begins with version = 2, the section is: $old_section" ;;
  esac
  say "$section"
  say '  config_path = "/etc/containerd/certs.d"'
  say '# If the sections registry.mirrors or registry.configs.*.tls exist, delete them.'
  say '# containerd refuses them together with config_path.'
  say '# Before the restart, check the file: containerd config dump'
)

# Checks whether containerd uses the files, and prints what to change if not.
check_containerd() {
  version=$(containerd --version 2>/dev/null | tr ' ' '\n' | sed -n 's/^v\{0,1\}\([0-9]*\.[0-9]*\)\..*/\1/p' | head -n 1)
  if [ -z "$version" ]; then
    printf 'error: containerd --version does not print a version, so it is unknown whether containerd uses them\n' >&2
    return 1
  fi
  config=$(containerd config dump 2>/dev/null) || config=
  if reads_files "$version" "$config"; then
    say "containerd $version uses them"
    return
  fi
  # The file may have the format of an older version, which containerd still reads.
  format=$(sed -n 's/^version *= *\([0-9]*\).*/\1/p' "$CONTAINERD/config.toml" 2>/dev/null)
  printf 'error: containerd %s does not use the mirror files. Change its configuration:\n\n' "$version" >&2
  advise_containerd "$version" "$format" >&2
  printf '\nThen run: systemctl restart containerd\n' >&2
  return 1
}

# Whether a configuration of CRI-O in standard input has the settings of SETTINGS_FILE.
has_settings() {
  [ "$(grep -c -e '^ *auto_reload_registries = true$' -e "^ *global_auth_file = \"$LOGIN_FILE\"\$")" = 2 ]
}

# Checks whether CRI-O uses the files, and prints what to do if not.
check_crio() {
  if ! crio config 2>/dev/null | has_settings; then
    printf 'error: CRI-O does not use the mirror files. Its configuration must have these settings:\n\n' >&2
    render_settings | sed 1d >&2
    printf '\nFind the file that overrides them: grep -r -e global_auth_file -e auto_reload_registries %s\n' "$CRIO" >&2
    printf 'Then run: systemctl restart crio\n' >&2
    return 1
  fi
  # The configuration of the process. Without a process, there is nothing to restart.
  running=$(crio status config 2>/dev/null) || running=
  if [ -z "$running" ]; then
    say 'CRI-O uses them when it starts'
  elif say "$running" | has_settings; then
    say 'CRI-O uses them'
  else
    printf 'error: CRI-O uses the mirror files after a restart, which running containers survive.\n' >&2
    printf 'Run: systemctl restart crio\n' >&2
    return 1
  fi
}

main() {
  # A trace would show the token.
  set +x
  case ${1:-} in
    '') ;;
    --remove) MODE=remove ;;
    # A typing error must not write what the user wants to remove.
    *) fail 'the only argument of this script is --remove' ;;
  esac
  [ "$(id -u)" = 0 ] || fail 'this script must run as root'
  if [ "$MODE" = remove ]; then
    delete_all || exit
    say "removed the mirror files of $PROJECT from this node"
    return
  fi
  # Docker installs containerd on nodes of any runtime.
  if has_command crio; then
    RUNTIME=crio
  elif ! has_command containerd; then
    fail 'there is no container runtime: neither containerd nor CRI-O is installed' \
      'install containerd, then run this script again'
  fi
  status=0
  write_files || status=1
  "check_$RUNTIME" || status=1
  return "$status"
}

# If the shell reads this script from standard input, nothing after this line is a command, not even a token.
main "$@"; exit
