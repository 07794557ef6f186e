#!/bin/sh
# Installs ecr-bootstrap, a single executable, on Linux. Needs no root, no Node.js and no package manager.
#   PREFIX                    installs PREFIX/bin/ecr-bootstrap; by default ~/.local, and /usr/local for root
#   ECR_BOOTSTRAP_RELEASE     the URL of a folder with the files of a release, for example on a mirror
set -eu

# The URL of the release that this script belongs to, which the release fills in.
release=

fail() { # MESSAGE [FIX]
  printf 'error: %s\n' "$1" >&2
  if [ -n "${2:-}" ]; then printf '  fix: %s\n' "$2" >&2; fi
  exit 1
}

with_npm='Install Node.js 20.19 or newer, and run: npm install --global ecr-bootstrap'

has() {
  command -v "$1" >/dev/null 2>&1
}

platform() {
  case "$(uname -s)/$(uname -m)" in
  Linux/x86_64 | Linux/amd64) echo linux-x64 ;;
  Linux/aarch64 | Linux/arm64) echo linux-arm64 ;;
  *) fail "no single executable is built for $(uname -s) on $(uname -m)" "$with_npm" ;;
  esac
}

download() { # URL FILE
  if has curl; then
    curl -fsSL --retry 3 -o "$2" "$1"
  else
    wget -q -O "$2" "$1"
  fi || fail "could not download $1" 'Check the network and the proxy, and run the script again.'
}

default_prefix() {
  if [ "$(id -u)" = 0 ]; then
    echo /usr/local
  elif [ -n "${HOME:-}" ]; then
    echo "$HOME/.local"
  else
    fail 'could not choose a folder: HOME is not set' 'Set PREFIX to a folder that you can write.'
  fi
}

# The last line calls it, so a script that was cut off in transit does nothing.
main() {
  platform=$(platform)
  release=${ECR_BOOTSTRAP_RELEASE:-$release}
  [ -n "$release" ] || fail 'this copy of install.sh does not belong to a release' \
    'Use the install.sh of a release, or set ECR_BOOTSTRAP_RELEASE to the URL of one.'
  has curl || has wget || fail 'could not find curl or wget' 'Install one of them.'
  for tool in tar gzip sha256sum mktemp grep; do
    has "$tool" || fail "could not find $tool" 'Install it, and run the script again.'
  done

  prefix=${PREFIX:-$(default_prefix)}
  bin=$prefix/bin
  # The new program is written beside the old one, so that a rename replaces it.
  { mkdir -p "$bin" && temporary=$(mktemp -d "$bin/.ecr-bootstrap.XXXXXX"); } 2>/dev/null ||
    fail "could not write to $bin" 'Set PREFIX to a folder that you can write.'
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM

  archive=ecr-bootstrap-$platform.tar.gz
  download "$release/SHA256SUMS" "$temporary/SHA256SUMS"
  download "$release/$archive" "$temporary/$archive"
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$temporary/SHA256SUMS")
  [ -n "$expected" ] || fail "could not find $archive in $release/SHA256SUMS"
  actual=$(sha256sum "$temporary/$archive")
  [ "${actual%% *}" = "$expected" ] ||
    fail "the checksum of $archive does not match: nothing was installed" \
      'Run the script again. If it fails again, do not use this download.'
  tar -xzf "$temporary/$archive" -C "$temporary" --no-same-owner ecr-bootstrap 2>/dev/null ||
    tar -xzf "$temporary/$archive" -C "$temporary" ecr-bootstrap ||
    fail "could not extract $archive" 'Check the free space, and run the script again.'

  version=$("$temporary/ecr-bootstrap" --version 2>"$temporary/problem") || {
    cat "$temporary/problem" >&2
    fix=$with_npm
    if grep -q 'libstdc++' "$temporary/problem"; then
      fix='Install libstdc++, on Debian with: apt-get install libstdc++6'
    fi
    fail 'the program does not run on this machine: nothing was installed' "$fix"
  }
  mv -f "$temporary/ecr-bootstrap" "$bin/ecr-bootstrap" ||
    fail "could not replace $bin/ecr-bootstrap" 'Set PREFIX to another folder.'
  printf 'ecr-bootstrap %s is installed as %s\n' "$version" "$bin/ecr-bootstrap"
  case ":${PATH:-}:" in
  *":$bin:"*) ;;
  *) printf '  fix: add it to PATH: export PATH="%s:$PATH"\n' "$bin" ;;
  esac
}

main
