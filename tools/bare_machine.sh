#!/usr/bin/env bash
# Tries the two README commands on a bare machine: makes a bare Debian root with debootstrap, puts a clone of
# the committed tree into it, runs `make serve` (asks it something, stops it with Ctrl-C) and `make test`, and
# reports the times.
#
#   SUITE=bookworm|trixie   the Debian release (default bookworm)
#   COMMANDS="serve test"   what to run
#   ROOT=DIR                where (default: a new folder, removed at the end; a given one is kept)
#
# Needs root, and debootstrap. What is copied in from this machine: how its package clients reach their
# registries (apt's settings, pip's, cargo's, their environment variables) and its certificates.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=${SUITE:-bookworm}
commands=${COMMANDS:-serve test}
bare=${ROOT:-}
port=18765

say() { printf 'bare: %s\n' "$*"; }
die() { say "$*"; exit 1; }
[ "$(id -u)" = 0 ] || die "this needs root (debootstrap, chroot)"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

mounts=()
cleanup() {
  local i
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount -l "${mounts[i]}" 2>/dev/null || true; done
  if [ -z "${ROOT:-}" ] && [ -n "$bare" ]; then rm -rf --one-file-system "$bare"; fi
}
trap cleanup EXIT

# The mirror that this machine's own apt uses.
mirror() {
  apt-get indextargets --format '$(SITE) $(COMPONENT)' | awk '$2 == "main" { print $1; exit }'
}

make_root() {
  [ -n "$bare" ] || bare=$(mktemp -d /var/tmp/weir-bare.XXXXXX)
  mkdir -p "$bare"
  if [ ! -e "$bare/etc/debian_version" ]; then
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$bare" "$(mirror)" >"$bare.log" 2>&1 ||
      { tail -n 20 "$bare.log"; die "debootstrap failed"; }
    rm -f "$bare.log"
  fi
  for what in proc sys dev; do
    mount --rbind "/$what" "$bare/$what" && mount --make-rslave "$bare/$what"
    mounts+=("$bare/$what")
  done
}

# How this machine's package clients are set up, and whom they trust.
copy_client_settings() {
  local file
  cp -L /etc/resolv.conf /etc/hosts "$bare/etc/" 2>/dev/null || true
  for file in /etc/apt/apt.conf.d/99* /etc/apt/auth.conf.d /etc/pip.conf /root/.config/pip /root/.cargo/config.toml; do
    [ -e "$file" ] || continue
    mkdir -p "$bare$(dirname "$file")"
    cp -rL "$file" "$bare$(dirname "$file")/"
  done
  cp -rL /usr/local/share/ca-certificates/. "$bare/usr/local/share/ca-certificates/" 2>/dev/null || true
  cp -L /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/ca-certificates.crt"
}

# Runs a command in the root with a clean environment, plus the settings of package clients.
inside() {
  local -a settings
  mapfile -t settings < <(env | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE|PIP_CERT|PIP_INDEX_URL|PIP_DEFAULT_TIMEOUT|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|CARGO_[A-Z_]*)=')
  chroot "$bare" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" "$@"
}

in_project() { inside /bin/sh -c "cd /root/weir && $1"; }

# What a newcomer has done before: make and git installed, the project cloned.
clone_project() {
  inside /bin/sh -c 'apt-get -q update && apt-get -q -y --no-install-recommends install make git ca-certificates' \
    >"$bare/prepare.log" 2>&1 || { tail -n 20 "$bare/prepare.log"; die "installing make and git failed"; }
  cp -L /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$bare/root/weir"
  git clone -q "$source_dir" "$bare/root/weir"
}

try_serve() {
  local started=$SECONDS pid answer
  in_project "exec make serve PORT=$port" >"$bare/serve.log" 2>&1 &
  pid=$!
  until curl -sf "http://127.0.0.1:$port/readyz" >/dev/null; do
    kill -0 "$pid" 2>/dev/null || { tail -n 40 "$bare/serve.log"; die "make serve ended by itself"; }
    [ $((SECONDS - started)) -lt 1800 ] || die "make serve was not ready within half an hour"
    read -r -t 1 <> <(:) || true
  done
  say "make serve: ready after $((SECONDS - started)) s"
  answer=$(curl -sS "http://127.0.0.1:$port/v1/classify" -d '{"input": "What a lovely day."}')
  say "it says: $answer"
  case $answer in *POSITIVE*NEGATIVE*) ;; *) die "that is no good answer" ;; esac
  started=$SECONDS
  kill -INT "$(ss -Hltnp "sport = :$port" | sed -n 's/.*pid=\([0-9]*\).*/\1/p')"
  wait "$pid" || die "make serve ended with code $?"
  say "Ctrl-C: left within $((SECONDS - started + 1)) s"
}

try_test() {
  local started=$SECONDS
  if ! in_project "make test" >"$bare/test.log" 2>&1; then
    tail -n 60 "$bare/test.log"
    die "make test failed after $((SECONDS - started)) s"
  fi
  say "make test: $((SECONDS - started)) s; $(tail -n 1 "$bare/test.log")"
}

say "making a bare $suite"
make_root
copy_client_settings
clone_project
say "$(inside /bin/sh -c '. /etc/os-release; echo "$PRETTY_NAME"'), commit $(git -C "$source_dir" rev-parse --short HEAD)"
for command in $commands; do "try_$command"; done
say "compiler: $(inside g++ --version | head -n 1); cargo: $(inside cargo --version)"
say "done"
