# Distribution packages, by name through apt.

# first_available NAME...: the first that apt knows, or the last.
first_available() {
  local name
  for name in "$@"; do
    if apt-cache show "$name" >/dev/null 2>&1; then break; fi
  done
  printf '%s' "$name"
}

python_packages=(python3 python3-venv ca-certificates)
build_packages=(g++ make cmake ninja-build ccache mold libboost-beast libfmt-dev libspdlog-dev libsimdjson-dev
                rapidjson-dev libyaml-cpp-dev libcli11-dev prometheus-cpp-dev "${python_packages[@]}")
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev curl)
lint_packages=(clang-19 clang-tidy-19 clang-format-19)
bench_packages=(wrk nginx-light libbenchmark-dev libgtest-dev libgmock-dev)

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

# Boost 1.81 or newer, under the name that this release of the distribution has for it.
boost_package() {
  local name
  for name in libboost1.83-dev libboost1.81-dev; do
    if installed "$name"; then printf '%s' "$name"; return; fi
  done
  first_available libboost1.83-dev libboost1.81-dev
}

update_lists() {
  [ -n "${lists_updated:-}" ] || apt-get -q update
  lists_updated=yes
}

install_packages() {
  # RUNLEVEL=1: a web server that is installed for benchmarks must not start by itself.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}

# need_packages NAME...: installs what is missing, or says exactly what is and how to get it.
need_packages() {
  local -a missing=()
  local name
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this is no Debian-like system; install the equivalents of: $* and a Rust compiler (1.85 or newer)"
  fi
  for name in "$@"; do
    if [ "$name" = libboost-beast ]; then name=boost; installed "$(boost_package)" && continue; fi
    installed "$name" || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    die "these packages are missing: ${missing[*]/#boost/libboost1.81-dev (or newer)}. As root: apt-get install ${missing[*]/#boost/$(boost_package)}"
  fi
  step "updating the package lists" update_lists
  missing=("${missing[@]/#boost/$(boost_package)}")
  step "installing ${#missing[@]} packages (${missing[*]})" install_packages "${missing[@]}"
}
