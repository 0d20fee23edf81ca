#!/usr/bin/env bash
# Long repetitions, twenty rounds each: kill -9 of server and child at many moments of upload and transcode; and two
# origins, two transcoders and an edge on one PostgreSQL and one S3 server, killed and stopped at every step. Then a
# minute of every fault of store, database, disk and clock, which writes docs/FAULTS.md, a minute of two thousand viewers of
# a channel, ten thousand mutated films, and half an hour of live under the rules of docs/CONFORMANCE.md, straight from the
# server and through nginx.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
cargo build --release --locked --workspace --bins
target="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target"
export NEXUS_BIN="$(cd "$target" && pwd)/release/nexus"
table=$(mktemp)
trap 'rm -f "$table"' EXIT

# A test program of tests/, and in it the tests of a name.
rounds() {
  local program=$1
  shift
  cargo test --release --locked --workspace --test "$program" -- --test-threads=1 --nocapture "$@"
}

NEXUS_TEST_ROUNDS="${NEXUS_TEST_ROUNDS:-20}" rounds scenarios resilience::
NEXUS_TEST_ROUNDS="${NEXUS_TEST_ROUNDS:-20}" rounds many_processes
NEXUS_TEST_FAULT_SECONDS="${NEXUS_TEST_FAULT_SECONDS:-60}" NEXUS_TEST_FAULTS_TABLE="$table" rounds scenarios faults::
cat docs/faults-head.md "$table" > docs/FAULTS.md
# Two thousand viewers at the live edge for a minute; prints how long after the origin they had each part.
NEXUS_TEST_LIVE_VIEWERS="${NEXUS_TEST_LIVE_VIEWERS:-2000}" NEXUS_TEST_LIVE_SECONDS="${NEXUS_TEST_LIVE_SECONDS:-60}" rounds scenarios live_crowd::
NEXUS_TEST_MUTANTS="${NEXUS_TEST_MUTANTS:-10000}" rounds scenarios mutants::
NEXUS_TEST_LIVE_SECONDS="${NEXUS_TEST_LIVE_SECONDS:-1800}" rounds scenarios live_watch::
