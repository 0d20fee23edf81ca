#!/usr/bin/env bash
# Long repetitions: kill -9 of server and child at many moments of upload and transcode, twenty rounds each.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
cargo build --release --locked --workspace --bins
export NEXUS_TEST_ROUNDS="${NEXUS_TEST_ROUNDS:-20}"
cargo test --release --locked --workspace --test resilience -- --test-threads=1 --nocapture
