#!/usr/bin/env bash
# Long repetitions, twenty rounds each: kill -9 of server and child at many moments of upload and transcode; and two
# origins, two transcoders and an edge on one PostgreSQL and one S3 server, killed and stopped at every step.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
cargo build --release --locked --workspace --bins
export NEXUS_TEST_ROUNDS="${NEXUS_TEST_ROUNDS:-20}"
cargo test --release --locked --workspace --test scenarios -- \
  --test-threads=1 --nocapture resilience:: many_processes::
