#!/usr/bin/env bash
# Installs what `make run` or `make test` needs and is missing. Safe to repeat; says what it does.
#   scripts/install.sh run    what building and running needs
#   scripts/install.sh test   also what the tests need: databases, browsers, players, media tools
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?run or test}

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

run_packages=(
  build-essential pkg-config cmake curl ca-certificates
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev libsrt-gnutls-dev
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-libav
)
test_packages=(
  ffmpeg postgresql postgresql-15 chromium vlc-bin vlc-plugin-base fonts-dejavu-core python3-venv
  nginx caddy openssl systemd libfaketime
)

packages=("${run_packages[@]}")
[ "$what" = run ] || packages+=("${test_packages[@]}")

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
missing() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_packages() {
  command -v apt-get >/dev/null || fail "this script installs with apt-get (Debian 12); elsewhere install: ${packages[*]}"
  local wanted try
  for try in 1 2 3; do
    mapfile -t wanted < <(missing)
    [ ${#wanted[@]} -gt 0 ] || return 0
    say "installing ${wanted[*]} (try $try of 3)"
    as_root apt-get update -qq || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" && continue
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -f install -y -qq || true
  done
  mapfile -t wanted < <(missing)
  [ ${#wanted[@]} -eq 0 ] || fail "apt-get could not install: ${wanted[*]}"
}

check_rust() {
  command -v cargo >/dev/null || fail "no Rust toolchain; install 1.95 or newer with rustup (https://rustup.rs)"
  local version
  version=$(rustc --version | cut -d' ' -f2)
  printf '1.95.0\n%s\n' "$version" | sort -VC || fail "rustc $version is too old; run: rustup update stable (1.95 or newer)"
}

check_node() {
  command -v node >/dev/null || fail "no Node.js; install version 20.19 or newer (https://nodejs.org, nvm or fnm; Debian 12's own is 18)"
  local version
  version=$(node --version | tr -d v)
  printf '20.19.0\n%s\n' "$version" | sort -VC || fail "node $version is too old; install 20.19 or newer (https://nodejs.org, nvm or fnm)"
}

# npm ci only where the lock file changed since it last ran.
install_npm() {
  local folder=$1 mark=$1/node_modules/.installed
  cmp -s "$folder/package-lock.json" "$mark" && return 0
  say "npm ci in $folder"
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error)
  cp "$folder/package-lock.json" "$mark"
}

# Python programs of others, in an environment of their own; made anew only where the list of them changed.
install_python() {
  local list=tests/requirements.txt env=tests/.venv
  cmp -s "$list" "$env/.installed" && return 0
  say "python packages in $env"
  rm -rf "$env"
  /usr/bin/python3 -m venv "$env"
  "$env/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$list"
  cp "$list" "$env/.installed"
}

build_page() {
  [ web/dist/index.html -nt web/package-lock.json ] && [ -z "$(find web/src web/index.html web/public -newer web/dist/index.html -print -quit 2>/dev/null)" ] && return 0
  say "building the page"
  (cd web && npm run --silent build)
}

check_rust
check_node
install_packages
install_npm web
build_page
if [ "$what" != run ]; then
  install_npm tests/players
  install_python
fi
