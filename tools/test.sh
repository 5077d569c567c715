#!/usr/bin/env bash
# Everything that is a test, after set-up and build: `make test` calls it. Ends with "N passed, N failed".
#
# For the release build, then under ThreadSanitizer, then under AddressSanitizer with
# UndefinedBehaviorSanitizer: the unit tests, and the integration tests on the real program with the real demo
# models. Once: the layer test, the documentation's code blocks, the tools' tests.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=.deps/python-test/bin/python
results=build/test-results
rm -rf "$results"
mkdir -p "$results"
failed_steps=0

# run NAME command...: shows the output only when it fails.
run() {
  local name=$1 started=$SECONDS
  shift
  if "$@" >"$results/$name.log" 2>&1 </dev/null; then
    printf 'ok    %4d s  %s\n' $((SECONDS - started)) "$name"
  else
    failed_steps=$((failed_steps + 1))
    printf 'FAIL  %4d s  %s (all of it: %s)\n' $((SECONDS - started)) "$name" "$results/$name.log"
    grep -vE 'Passed|^ *Start' "$results/$name.log" | tail -n 60
  fi
}

unit() { (cd "build/$1" && ctest --output-on-failure -j2 --output-junit "../../$results/unit-$1.xml"); }
python_tests() {
  local name=$1
  shift
  "$python" -m pytest -q -p no:cacheprovider --junit-xml "$results/$name.xml" "$@"
}
# The sanitizers' instructions come from tests/sanitizers.sh, for unit and integration tests alike. Twice as many at once
# as there are processors, because most of a test is waiting for a process (347 s one by one, 159 s by four on two cores).
integration() {
  (source tests/sanitizers.sh && WEIR_BINARY=build/$1/weir python_tests "integration-$1" \
    -n $((2 * $(nproc))) --dist worksteal tests/integration)
}

for preset in test tsan asan; do run "build-$preset" tools/build.sh "$preset"; done
run unit-release unit test
run unit-tsan unit tsan
run unit-asan unit asan
run integration-release integration release
run integration-tsan integration tsan
run integration-asan integration asan
run layers python_tests layers tests/layers_test.py tests/contract_test.py
run docs python_tests docs tests/docs_test.py
run tools python_tests tools tools/convert tools/train_head tests/tools_test.py tests/bench_test.py

"$python" tools/count_results.py "$results" --failed-steps "$failed_steps"
