#!/usr/bin/env bash
# Prepares a machine to rebuild ts/wasm from crate/: Rust with the wasm32 target, wasm-pack and wasm-bindgen.
# What is there already is kept. Where rustup can't deliver the pinned Rust, Debian's packages take its place: they
# build and test, but their bytes differ from the committed ones.
#
# Writes target/toolchain.env, to be sourced before the build when Debian's Rust is used (else it is empty).
set -euo pipefail
cd "$(dirname "$0")/.."

wasm_pack_version=0.15.1
wasm_bindgen_version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)

mkdir -p target
: > target/toolchain.env
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The version that a program reports, or nothing.
version_of() {
  "$1" --version 2>/dev/null | awk '{ print $2 }' || true
}

# Whether rustup already has the pinned Rust with all its parts.
rustup_is_ready() {
  local library
  library=$(rustup run "$channel" rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) &&
    [ -d "$library" ] &&
    rustup run "$channel" cargo clippy --version >/dev/null 2>&1 &&
    rustup run "$channel" rustfmt --version >/dev/null 2>&1 &&
    [ -d "$(rustup run "$channel" rustc --print sysroot)/lib/rustlib/src/rust/library" ]
}

with_rustup() {
  command -v rustup >/dev/null || return 1
  rustup_is_ready || rustup toolchain install "$channel" --profile minimal --no-self-update \
    --component clippy --component rustfmt --component rust-src --target wasm32-unknown-unknown
}

with_debian() {
  command -v apt-get >/dev/null || { echo "Neither rustup nor apt-get is here: install Rust $channel by hand." >&2; exit 1; }
  as_root apt-get update -q
  as_root apt-get install -q -y rustc-web cargo-web rustfmt-web rust-web-clippy rust-web-src lld-19
  # wasm-pack looks for this folder; what belongs there is built from source (build-wasm.mjs).
  as_root mkdir -p "$(/usr/bin/rustc --print target-libdir --target wasm32-unknown-unknown)"
  cat > target/toolchain.env <<'ENVIRONMENT'
export PATH="/usr/bin:$PATH"
export RUSTC=/usr/bin/rustc
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
ENVIRONMENT
}

if ! with_rustup; then
  echo "rustup did not deliver Rust $channel; taking Debian's." >&2
  with_debian
  . target/toolchain.env
fi

if [ "$(version_of wasm-pack)" != "$wasm_pack_version" ]; then
  cargo install wasm-pack --version "$wasm_pack_version" --locked
fi

if [ "$(version_of wasm-bindgen)" != "$wasm_bindgen_version" ]; then
  # Its lock file may name a crate that the registry lacks; without it some dependencies are newer.
  cargo install wasm-bindgen-cli --version "$wasm_bindgen_version" --locked ||
    cargo install wasm-bindgen-cli --version "$wasm_bindgen_version"
fi

rustc --version
wasm-pack --version
wasm-bindgen --version
