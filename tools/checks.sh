# Sourced by scripts that run several checks: counts them and goes on after a failure.

passed=0
failed=0

# check "what it shows" command...
check() {
  local what=$1 started=$SECONDS output
  shift
  output=$(mktemp)
  if "$@" >"$output" 2>&1 </dev/null; then
    passed=$((passed + 1))
    printf 'ok    %4d s  %s\n' $((SECONDS - started)) "$what"
  else
    failed=$((failed + 1))
    printf 'FAIL  %4d s  %s\n' $((SECONDS - started)) "$what"
    tail -n 80 "$output"
  fi
  rm -f "$output"
}

finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}
