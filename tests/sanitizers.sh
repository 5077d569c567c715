# Sourced before the program runs under a sanitizer: what the sanitizers are told.
suppressions=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export TSAN_OPTIONS="halt_on_error=1:report_mutex_bugs=0:suppressions=$suppressions/tsan.supp"
export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1"
export LSAN_OPTIONS="suppressions=$suppressions/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
