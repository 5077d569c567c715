#!/usr/bin/env bash
# clang's view of the code: thread-safety annotations (warnings are errors), clang-tidy, clang-format.
# Prints one line per check; ends with 1 when one of them failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/checks.sh

formatted() { git ls-files '*.cc' '*.h' | xargs clang-format-19 --dry-run --Werror; }

# Only the files whose content (or whose checks) changed since they last passed.
tidy() {
  local done=${XDG_CACHE_HOME:-$HOME/.cache}/weir/tidy rules file key
  local -a files=()
  mkdir -p "$done"
  rules=$(cat .clang-tidy $(git ls-files 'src/*.h') CMakeLists.txt | sha256sum)
  for file in $(git ls-files 'src/*.cc' | grep -v -e '_test\.cc$' -e '_bench\.cc$'); do
    key=$(printf '%s' "$rules" | cat - "$file" | sha256sum | cut -c1-32)
    [ -e "$done/$key" ] || files+=("$file $done/$key")
  done
  [ ${#files[@]} -gt 0 ] || return 0
  printf '%s\n' "${files[@]}" | xargs -P 2 -L 1 bash -c \
    'clang-tidy-19 --quiet -p build/clang "$1" 2>/dev/null && touch "$2"' -
}

check "clang builds it, -Wthread-safety -Werror" tools/build.sh clang
check "clang-tidy (naming, function size, defects)" tidy
check "clang-format" formatted
finish
