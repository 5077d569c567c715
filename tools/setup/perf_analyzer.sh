# perf_analyzer, Triton's load generator, which the tests send against the server. Its wheel wants glibc 2.38; where the
# machine's own is older it runs with the loader and libraries of a newer release, unpacked beside it.

perf_analyzer_wheel=perf-analyzer==2.60.0
perf_analyzer_libraries=(libc6 libstdc++6 libgcc-s1 zlib1g libssl3t64 libzstd1)

fetch_newer_libraries() {
  local folder=$1 private=$1/apt deb
  mkdir -p "$folder/debs"
  private_list || return 1
  (cd "$folder/debs" && private_apt download "${perf_analyzer_libraries[@]}") || return 1
  for deb in "$folder"/debs/*.deb; do dpkg-deb -x "$deb" "$folder/system" || return 1; done
  rm -rf "$folder/debs" "$folder/apt"
}

fetch_perf_analyzer() {
  local folder=$1 python=$deps/python-test/bin/python
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform "manylinux_2_38_$(uname -m)" -d "$folder/wheel" "$perf_analyzer_wheel" || return 1
  "$python" -m zipfile -e "$folder"/wheel/*.whl "$folder/unpacked" || return 1
  install -m 755 "$folder/unpacked/perf_analyzer/bin/perf_analyzer" "$folder/program" || return 1
  rm -rf "$folder/wheel" "$folder/unpacked"
  if ! "$folder/program" --version >/dev/null 2>&1; then fetch_newer_libraries "$folder" || return 1; fi
  cat >"$folder/perf_analyzer" <<'SCRIPT'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
[ -d "$here/system" ] || exec "$here/program" "$@"
libraries=$here/system/usr/lib/$(uname -m)-linux-gnu
exec "$libraries"/ld-linux-*.so.* --library-path "$libraries" "$here/program" "$@"
SCRIPT
  chmod 755 "$folder/perf_analyzer"
  "$folder/perf_analyzer" --version || return 1
}

need_perf_analyzer() {
  local folder=$cache/${perf_analyzer_wheel/==/-}-$(newer_suite)-$(uname -m)
  command -v apt-get >/dev/null || return 0 # a test says what is missing
  if [ ! -d "$folder" ]; then
    step "fetching perf_analyzer" in_fresh_folder "$folder" fetch_perf_analyzer
  fi
  link "$folder" perf_analyzer
}
