#!/usr/bin/env bash
# Installs what is missing for one purpose: build | models | test | lint | fuzz | bench.
#
# Safe to repeat; does nothing, in well under a second, when nothing is missing. Distribution packages go where
# apt puts them; everything else goes to ~/.cache/weir (or $XDG_CACHE_HOME/weir), under a name made from what
# it was made of, and is linked from .deps/ in this checkout. Details of each step: ~/.cache/weir/setup.log.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/tools/setup/common.sh"
source "$root/tools/setup/packages.sh"
source "$root/tools/setup/onnxruntime.sh"
source "$root/tools/setup/tokenizer.sh"
source "$root/tools/setup/swagger_ui.sh"
source "$root/tools/setup/python.sh"
source "$root/tools/setup/perf_analyzer.sh"
source "$root/tools/setup/browser.sh"

purpose=${1:-build}
case $purpose in
  build)
    need_packages "${build_packages[@]}"
    need_static_openssl
    need_rust
    need_python_environment convert tools/convert/requirements.txt
    need_onnxruntime
    need_swagger_ui
    need_tokenizer
    ;;
  models)
    need_packages "${python_packages[@]}"
    need_python_environment convert tools/convert/requirements.txt
    need_demo_models
    ;;
  test)
    need_packages "${test_packages[@]}"
    need_python_environment test tests/requirements.txt
    need_perf_analyzer
    need_browser
    ;;
  lint) need_packages "${lint_packages[@]}" ;;
  fuzz) need_packages "${fuzz_packages[@]}" ;;
  bench)
    need_packages "${bench_packages[@]}"
    need_python_environment test tests/requirements.txt
    ;;
  *)
    echo "usage: tools/setup/setup.sh build|models|test|lint|fuzz|bench" >&2
    exit 2
    ;;
esac
