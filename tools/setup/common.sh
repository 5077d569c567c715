# Shared by the set-up scripts: where things go, and how progress and failures are shown.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
deps=$root/.deps
log=$cache/setup.log
mkdir -p "$cache" "$deps"

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# step "what it does" command...   The command's output goes to the log; its end is shown if it fails.
step() {
  local what=$1 started=$SECONDS
  shift
  say "$what ..."
  printf '\n== %s  %s\n' "$(date -u +%FT%TZ)" "$what" >>"$log"
  if ! "$@" >>"$log" 2>&1 </dev/null; then
    say "FAILED: $what. The end of $log:"
    tail -n 25 "$log" >&2
    exit 1
  fi
  say "$what: $((SECONDS - started)) s"
}

# A short name for the content of files and words: key FILE... -- WORD...
key() {
  local -a files=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    files+=("$1")
    shift
  done
  { cat "${files[@]}"; printf '%s\n' "$@"; } | sha256sum | cut -c1-16
}

# link FOLDER NAME: makes .deps/NAME lead to FOLDER.
link() {
  [ "$(readlink "$deps/$2" 2>/dev/null || true)" = "$1" ] || ln -sfn "$1" "$deps/$2"
}

# in_fresh_folder FOLDER command...: runs the command with a temporary folder as its last argument and moves
# that to FOLDER, so that FOLDER is there whole or not at all. (Within it bash does not stop at the first error by
# itself: each step that matters ends with `|| return 1`.)
in_fresh_folder() {
  local folder=$1 fresh
  shift
  fresh=$(mktemp -d "$cache/tmp.XXXXXX")
  chmod 755 "$fresh"
  "$@" "$fresh" || { rm -rf "$fresh"; return 1; }
  mv -T "$fresh" "$folder" 2>/dev/null || rm -rf "$fresh" # another run was quicker
  [ -d "$folder" ]
}
