#!/usr/bin/env bash
# Builds and starts everything on embedded defaults; on an empty catalogue, makes a demonstration film and
# puts it through the real upload and transcode path; then keeps a demonstration channel on air.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh run

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
say "building (the first time takes some minutes)"
cargo build --release --locked --workspace --bins
exec "${CARGO_TARGET_DIR:-target}/release/nexus" all --demo "$@"
