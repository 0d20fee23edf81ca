#!/usr/bin/env bash
# Writes docs/ODD_FILMS.md from a real run of tests/tests/odd_films.
set -euo pipefail
cd "$(dirname "$0")/.."

tables=$(mktemp -d)
trap 'rm -rf "$tables"' EXIT
scripts/install.sh test
cargo build --release --locked --workspace --bins
ODD_FILMS_TABLE="$tables" cargo test --release --locked --workspace --test odd_films -- --test-threads=1
{
  cat docs/odd-films-head.md
  for table in shapes colours time sound containers; do
    printf '\n'
    cat "$tables/$table.md"
  done
} > docs/ODD_FILMS.md
