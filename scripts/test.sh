#!/usr/bin/env bash
# Checks, unit tests on both databases, scenarios over the real binary, programs of others, the page, players in
# Chromium. Prints the counts of each layer and fails when one falls below tests/floors.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
started=$SECONDS
target="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target"
target="$(cd "$target" && pwd)"
counts="$target/layers"
rm -rf "$counts" && mkdir -p "$counts"

# A layer's output is shown and kept; its exit code decides.
layer() {
  local name=$1 since=$SECONDS
  shift
  say "$name"
  "$@" 2>&1 | tee -a "$counts/$name"
  say "$name took $((SECONDS - since)) s"
}

scripts/check.sh

say "build"
# All of the workspace each time: with a part of it, cargo would build shared crates with other features again.
cargo build --release --locked --workspace --bins --quiet
export NEXUS_BIN="$target/release/nexus"

# One PostgreSQL and one S3 server for the whole run; each test has a database and a place of its own. Not by
# `cargo run`, whose variables would make the cargo inside it build again what reads them.
engines() { "$target/release/xtask" engines -- "$@"; }
apart() { NEXUS_TEST_STACK=postgres-s3 engines "$@"; }

# What becomes of odd films does not hang on where rows and objects are, and the scenario of many processes brings
# PostgreSQL and an S3 server of its own: each runs in one of the two layers.
if cargo nextest --version >/dev/null 2>&1; then
  layer unit engines cargo nextest run --release --locked --workspace -E 'not package(tests)'
  layer scenario cargo nextest run --release --locked --workspace -E 'package(tests) - binary(many_processes)'
  layer scenario-apart apart cargo nextest run --release --locked --workspace -E 'package(tests) - binary(odd_films)'
else
  layer unit engines cargo test --release --locked --workspace --exclude tests --tests
  layer scenario cargo test --release --locked --workspace --test scenarios --test odd_films -- --test-threads=1
  layer scenario-apart apart cargo test --release --locked --workspace --test scenarios --test many_processes -- --test-threads=1
fi
layer doc cargo test --release --locked --workspace --doc
layer page npm --prefix web run --silent test
layer peer tests/.venv/bin/python -m unittest discover --verbose --start-directory tests/peers --top-level-directory tests
layer player npm --prefix tests/players run --silent test

say "counts"
"$target/release/xtask" floors "$counts"
say "all of it in $(((SECONDS - started) / 60)) min"
