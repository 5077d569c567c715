#!/usr/bin/env bash
# Fuzzes every parser of outside bytes for a while: SECONDS_EACH=60 (default) each, or those that are named.
# New inputs that reach new code stay in build/fuzz/corpus; a crash is written to build/fuzz/crashes and fails.
# The kept corpus (tests/fuzz/corpus) is replayed by ctest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/checks.sh

seconds=${SECONDS_EACH:-60}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(embeddings infer rpc_infer sentiment http_coding http_request config keys text_folder tokenizer hub_listing candle_csv forecast)
tools/build.sh fuzz "${targets[@]/#/fuzz_}"
mkdir -p build/fuzz/crashes

fuzz() {
  mkdir -p "build/fuzz/corpus/$1"
  "build/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/crashes/$1-" "build/fuzz/corpus/$1" "tests/fuzz/corpus/$1" >"build/fuzz/$1.log" 2>&1 ||
    { tail -n 40 "build/fuzz/$1.log"; return 1; }
}

for target in "${targets[@]}"; do
  check "$target for $seconds s" fuzz "$target"
  grep -h 'stat::number_of_executed_units' "build/fuzz/$target.log" | sed 's/^/      /' || true
done
finish
