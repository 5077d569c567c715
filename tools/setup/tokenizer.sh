# The Hugging Face tokenizers library, built once per version of its sources and of the compiler.

least_rust_minor=85 # what the crates in Cargo.lock ask for

# The cargo to use: the one on the path if it is new enough, else the newer one that Debian 12 and Ubuntu 24.04 have
# beside an old one.
find_cargo() {
  local candidate minor
  for candidate in cargo "$HOME/.cargo/bin/cargo" /usr/bin/cargo "/usr/lib/rust-1.$least_rust_minor/bin/cargo"; do
    command -v "$candidate" >/dev/null || continue
    minor=$("$candidate" --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
    if [ -n "$minor" ] && [ "$minor" -ge "$least_rust_minor" ]; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

need_rust() {
  find_cargo >/dev/null && return 0
  if [ "$(id -u)" != 0 ]; then
    die "a Rust compiler of version 1.$least_rust_minor or newer is missing. As root: apt-get install cargo-web rustc-web (Debian 12), cargo-1.$least_rust_minor (Ubuntu 24.04) or cargo (newer)"
  fi
  step "updating the package lists" update_lists
  if available cargo-web; then
    step "installing a Rust compiler" install_packages cargo-web rustc-web
  elif available "cargo-1.$least_rust_minor"; then
    step "installing a Rust compiler" install_packages "cargo-1.$least_rust_minor" "rustc-1.$least_rust_minor"
  else
    step "installing a Rust compiler" install_packages cargo rustc
  fi
  find_cargo >/dev/null || die "the distribution's Rust compiler is older than 1.$least_rust_minor"
}

build_tokenizer() {
  local cargo=$1 folder=$2 host
  host=$("$cargo" -vV | sed -n 's/^host: //p')
  mkdir -p "$folder/lib"
  # The compiler beside it, which need not be the one on the path.
  PATH=$(dirname "$(readlink -f "$cargo")"):$PATH CARGO_TARGET_DIR=$folder/target "$cargo" build --release --locked \
    --manifest-path "$root/src/text/tokenizer_ffi/Cargo.toml" || return 1
  mv "$folder/target/release/libweir_tokenizer.a" "$folder/lib/" || return 1
  "$cargo" metadata --format-version 1 --locked --filter-platform "$host" --manifest-path "$root/src/text/tokenizer_ffi/Cargo.toml" |
    python3 "$root/tools/setup/crate_notices.py" "$folder/ThirdPartyNotices.txt" || return 1
  rm -rf "$folder/target"
}

need_tokenizer() {
  local crate=$root/src/text/tokenizer_ffi cargo folder
  cargo=$(find_cargo)
  folder=$cache/tokenizer-$(key "$crate/Cargo.toml" "$crate/Cargo.lock" "$crate/src/lib.rs" "$root/tools/setup/crate_notices.py" -- "$("$cargo" --version)" "$(uname -m)")
  if [ ! -d "$folder" ]; then
    step "building the tokenizer library (Rust, a minute or two)" in_fresh_folder "$folder" build_tokenizer "$cargo"
  fi
  link "$folder" tokenizer
}
