# Distribution packages, by name through apt.

# available NAME: whether apt could install it. (Names that other packages only mention have no candidate.)
available() { [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[!\(]* ]]; }

# first_available NAME...: the first that apt could install, or the last.
first_available() {
  local name
  for name in "$@"; do
    if available "$name"; then break; fi
  done
  printf '%s' "$name"
}

python_packages=(python3 python3-venv ca-certificates)
build_packages=(g++ make cmake ninja-build ccache mold libboost-beast libfmt-dev libspdlog-dev libsimdjson-dev
                rapidjson-dev libyaml-cpp-dev libcli11-dev libcsv-dev libcurl4-openssl-dev libssl-dev zlib1g-dev libzstd-dev liburing-dev prometheus-cpp-dev
                libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc pkgconf libsqlite3-dev
                "${python_packages[@]}")
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev curl openssl nginx-light)
lint_packages=(clang-19 clang-tidy-19 clang-format-19)
fuzz_packages=(clang-19 libclang-rt-19-dev)
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

# What shows that a package's equivalent is there on a system without dpkg: a command, or a header (with a '.').
evidence() {
  case $1 in
    g++ | make | cmake | ccache | mold | python3 | wrk | curl | openssl | chromium) echo "$1" ;;
    chromium-driver) echo chromedriver ;;
    ninja-build) echo ninja ;;
    nginx-light) echo nginx ;;
    clang-19 | clang-tidy-19 | clang-format-19) echo "$1" ;;
    libboost-beast) echo boost/beast/http.hpp ;;
    libfmt-dev) echo fmt/format.h ;;
    libspdlog-dev) echo spdlog/spdlog.h ;;
    libsimdjson-dev) echo simdjson.h ;;
    rapidjson-dev) echo rapidjson/writer.h ;;
    libyaml-cpp-dev) echo yaml-cpp/yaml.h ;;
    libcli11-dev) echo CLI/CLI.hpp ;;
    libcsv-dev) echo csv.h ;;
    prometheus-cpp-dev) echo prometheus/registry.h ;;
    libcurl4-openssl-dev) echo curl/curl.h ;;
    zlib1g-dev) echo zlib.h ;;
    libzstd-dev) echo zstd.h ;;
    liburing-dev) echo liburing.h ;;
    libssl-dev) echo openssl/evp.h ;;
    libgrpc++-dev) echo grpcpp/grpcpp.h ;;
    libprotobuf-dev) echo google/protobuf/message.h ;;
    protobuf-compiler) echo protoc ;;
    protobuf-compiler-grpc) echo grpc_cpp_plugin ;;
    pkgconf) echo pkg-config ;;
    libsqlite3-dev) echo sqlite3.h ;;
    libgtest-dev) echo gtest/gtest.h ;;
    libgmock-dev) echo gmock/gmock.h ;;
    libbenchmark-dev) echo benchmark/benchmark.h ;;
    *) echo true ;; # comes with the others
  esac
}

# On a system that is not Debian-like: says exactly what is missing, and stops; or finds that nothing is.
need_equivalents() {
  local name sign
  local -a missing=()
  for name in "$@"; do
    sign=$(evidence "$name")
    case $sign in
      *.*) echo "#include <$sign>" | c++ -std=c++20 -x c++ -E - >/dev/null 2>&1 || missing+=("the header <$sign>") ;;
      *) command -v "$sign" >/dev/null || missing+=("the command $sign") ;;
    esac
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  die "this is no Debian-like system, so install by hand what is missing: $(printf '%s; ' "${missing[@]}")then run this again"
}

# need_packages NAME...: installs what is missing, or says exactly what is and how to get it.
need_packages() {
  local -a missing=()
  local name
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    need_equivalents "$@"
    return 0
  fi
  for name in "$@"; do
    if [ "$name" = libboost-beast ]; then name=boost; installed "$(boost_package)" && continue; fi
    installed "$name" || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    missing=("${missing[@]/#boost/$(boost_package)}")
    die "these packages are missing: ${missing[*]}. As root: apt-get install ${missing[*]}"
  fi
  step "updating the package lists" update_lists
  missing=("${missing[@]/#boost/$(boost_package)}")
  step "installing ${#missing[@]} packages (${missing[*]})" install_packages "${missing[@]}"
}

# The static OpenSSL of Ubuntu 26.04 wants a library that its package does not ask for.
need_static_openssl() {
  if [[ $(pkg-config --static --libs libcrypto 2>/dev/null) == *jitterentropy* ]]; then need_packages libjitterentropy3-dev; fi
}
