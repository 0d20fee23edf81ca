#!/usr/bin/env bash
# Format, lints, documentation and house rules.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh run
say() { printf '\033[1m== %s\033[0m\n' "$*"; }

say "format"
cargo fmt --all --check
say "clippy"
cargo clippy --release --workspace --all-targets --locked --quiet -- -D warnings
say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --locked --quiet
say "house rules"
cargo run --release --locked --quiet -p xtask -- tidy
cargo run --release --locked --quiet -p xtask -- arrows
cargo run --release --locked --quiet -p xtask -- parity
say "page"
(cd web && npm run --silent check)
