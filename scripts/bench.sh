#!/usr/bin/env bash
# Measures a transcode beside ffmpeg's, and what starting and idling cost; writes docs/BENCHMARKS.md.
#   NEXUS_BENCH_ROUNDS=5    runs of each side
#   NEXUS_BENCH_FILM=FILE   a film to use; NEXUS_BENCH_TITLE="What it is" for the page
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
cargo build --release --locked --workspace --bins
tests/.venv/bin/python scripts/bench/main.py "$@"
