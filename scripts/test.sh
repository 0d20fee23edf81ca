#!/usr/bin/env bash
# Checks, unit tests on both databases, scenarios over the real binary, the page.
# The players in Chromium run by hand on a quiet machine: cd tests/players && npm test
# Prints the counts of each layer and fails when one falls below tests/floors.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
started=$SECONDS
target="$(cd "${CARGO_TARGET_DIR:-target}" 2>/dev/null && pwd || { mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd; })"
counts="$target/layers"
rm -rf "$counts" && mkdir -p "$counts"

scripts/check.sh

say "build"
cargo build --release --locked -p nexus -p xtask --quiet
export NEXUS_BIN="$target/release/nexus"

# One PostgreSQL for the whole run; each test has a database of its own.
postgres() { cargo run --release --locked --quiet -p xtask -- postgres -- "$@"; }

# Rooms whose unit tests run here; the graphs, the sandbox and the rules are tried by the scenarios so far.
rooms=(base settings telemetry lifecycle pipeline-wire media playback-token blob httpkit edge identity catalogue conformance)
units=("${rooms[@]/#/-p}")

say "unit tests, on SQLite and PostgreSQL"
if cargo nextest --version >/dev/null 2>&1; then
  postgres cargo nextest run --release --locked "${units[@]}" 2>&1 | tee "$counts/unit"
  say "scenarios over the real binary"
  cargo nextest run --release --locked -p tests 2>&1 | tee "$counts/scenario"
else
  postgres cargo test --release --locked "${units[@]}" 2>&1 | tee "$counts/unit"
  say "scenarios over the real binary"
  cargo test --release --locked -p tests -- --test-threads=1 2>&1 | tee "$counts/scenario"
fi

say "page"
(cd web && npm run --silent test) 2>&1 | tee "$counts/page"

say "counts"
cargo run --release --locked --quiet -p xtask -- floors "$counts"
say "all of it in $(((SECONDS - started) / 60)) min"
