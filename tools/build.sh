#!/usr/bin/env bash
# Configures a preset when needed and builds targets: tools/build.sh PRESET [TARGET...]
# Quiet unless something fails; on a terminal ninja shows its progress line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=$1
shift
folder=build/$preset
# So that a checkout elsewhere finds the same objects in the cache.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=yes
mkdir -p "$folder"
# Again when the user points at another ONNX Runtime than last time.
runtime=${ONNXRUNTIME_ROOT:-}
if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$folder/runtime" 2>/dev/null)" != "$runtime" ]; then
  printf '%s' "$runtime" >"$folder/runtime"
  rm -f "$folder/CMakeCache.txt"
  if ! cmake --preset "$preset" >"$folder/configure.log" 2>&1; then
    cat "$folder/configure.log" >&2
    exit 1
  fi
fi
if [ -t 1 ]; then
  cmake --build "$folder" ${@:+--target "$@"}
elif ! cmake --build "$folder" ${@:+--target "$@"} >"$folder/build.log" 2>&1; then
  grep -E -A 12 'error|warning|FAILED' "$folder/build.log" | head -n 120 >&2
  echo "build: $preset failed; all of it: $folder/build.log" >&2
  exit 1
fi
