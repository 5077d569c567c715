# ONNX Runtime: the library from its Python wheel, the headers from Debian's development package.
# Why from there: docs/adr/0004-where-onnx-runtime-comes-from.md.

onnxruntime_version=1.31.1

# A private package list for the suite that has the headers, derived from the machine's own sources; the
# system's apt is not touched.
private_apt() {
  apt-get -q -o Dir::Etc::sourcelist="$private/list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$private/lists" -o Dir::Cache="$private/cache" -o APT::Sandbox::User=root "$@"
}

distribution() { (. /etc/os-release && echo "$ID"); }

# The releases of Debian and Ubuntu that older ones take single packages from, such as these headers (API 21 and 23).
newer_suite() {
  case $(distribution) in
    debian) echo trixie ;;
    ubuntu) echo resolute ;;
  esac
}

# `$private` gets a package list of the newer suite, from the first mirror that the machine itself uses.
private_list() {
  local uri components=main
  mkdir -p "$private/lists/partial" "$private/cache/archives/partial"
  [ "$(distribution)" = ubuntu ] && components="main universe"
  uri=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 2>/dev/null |
    awk -v id="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == id && $3 == "main" { print $1; exit }')
  [ -n "$uri" ] || { echo "no source for 'main' is configured on this machine"; return 1; }
  echo "deb [signed-by=/usr/share/keyrings/$(distribution)-archive-keyring.gpg] $uri $(newer_suite) $components" >"$private/list"
  private_apt update
}

fetch_headers() {
  local folder=$1 private=$1/apt
  if available libonnxruntime-dev; then
    (cd "$folder" && apt-get -q -o APT::Sandbox::User=root download libonnxruntime-dev) || return 1
  elif [ -n "$(newer_suite)" ]; then
    private_list || return 1
    (cd "$folder" && private_apt download libonnxruntime-dev) || return 1
  else
    echo "this distribution has no package libonnxruntime-dev: unpack an official release of ONNX Runtime and set ONNXRUNTIME_ROOT to its folder"
    return 1
  fi
  dpkg-deb -x "$folder"/libonnxruntime-dev_*.deb "$folder/unpacked" || return 1
  mkdir -p "$folder/include"
  cp "$folder"/unpacked/usr/include/onnxruntime/onnxruntime_*.h "$folder/include/" || return 1
  rm -rf "$folder/unpacked" "$folder/apt" "$folder"/*.deb
}

fetch_library() {
  local folder=$1
  "$deps/python-convert/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary=:all: -d "$folder/wheel" "onnxruntime==$onnxruntime_version" || return 1
  mkdir -p "$folder/lib"
  "$deps/python-convert/bin/python" - "$folder" "$onnxruntime_version" <<'PYTHON' || return 1
import pathlib, sys, zipfile
folder, version = pathlib.Path(sys.argv[1]), sys.argv[2]
with zipfile.ZipFile(next((folder / "wheel").glob("*.whl"))) as wheel:
    library = f"libonnxruntime.so.{version}"
    (folder / "lib" / library).write_bytes(wheel.read(f"onnxruntime/capi/{library}"))
    for notice in ("LICENSE", "ThirdPartyNotices.txt"):
        (folder / notice).write_bytes(wheel.read(f"onnxruntime/{notice}"))
PYTHON
  ln -s "libonnxruntime.so.$onnxruntime_version" "$folder/lib/libonnxruntime.so.1"
  ln -s libonnxruntime.so.1 "$folder/lib/libonnxruntime.so"
  rm -rf "$folder/wheel"
}

fetch_onnxruntime() {
  fetch_library "$1" && fetch_headers "$1"
}

need_onnxruntime() {
  local folder
  command -v apt-get >/dev/null || [ -n "${ONNXRUNTIME_ROOT:-}" ] ||
    die "unpack an official release of ONNX Runtime (1.21 or newer) and set ONNXRUNTIME_ROOT to its folder"
  [ -z "${ONNXRUNTIME_ROOT:-}" ] || return 0 # CMake takes it from there
  folder=$cache/onnxruntime-$onnxruntime_version-$(newer_suite)-$(uname -m)
  if [ ! -d "$folder" ]; then
    step "fetching ONNX Runtime $onnxruntime_version" in_fresh_folder "$folder" fetch_onnxruntime
  fi
  link "$folder" onnxruntime
}
