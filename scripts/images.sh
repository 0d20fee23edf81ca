#!/usr/bin/env bash
# Builds what the two images of deploy/Dockerfile contain without a container engine, from the Debian packages that the
# Dockerfile names and the binaries built here; plays a film through each; writes docs/IMAGES.md. As root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "make images needs root: it installs packages into folders of their own" >&2; exit 1; }

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
mirror="${NEXUS_DEBIAN_MIRROR:-http://deb.debian.org/debian}"
target="${CARGO_TARGET_DIR:-target}"
user=65532
place=$(mktemp -d)
servers=()

finish() {
  for server in "${servers[@]}"; do kill "$server" 2>/dev/null && wait "$server" || true; done
  for proc in "$place"/*/proc; do umount "$proc" 2>/dev/null || true; done
  rm -rf --one-file-system "$place"
}
trap finish EXIT

# What `apt-get install` of an image's last stage names.
packages() {
  sed -n "/AS $1\$/,/^ENTRYPOINT/p" deploy/Dockerfile | sed -e ':join' -e '/\\$/ { N; s/\\\n//; b join }' |
    grep -oE 'apt-get install [^&]*' | tr -s ' ' '\n' | grep -vE '^(apt-get|install|-.*)?$' | sort -u
}

image() {
  local name=$1 root="$place/$1"
  cp -a "$place/base" "$root"
  mount -t proc proc "$root/proc"
  # shellcheck disable=SC2046 # one word a package
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq --no-install-recommends $(packages "$name") \
    >"$root.apt" 2>&1 || { tail "$root.apt"; exit 1; }
  chroot "$root" apt-get clean
  rm -rf "$root"/var/lib/apt/lists/*
  install -m 0755 "$target/release/$name" "$root/usr/bin/$name"
  install -d -o $user -g $user -m 0700 "$root/var/lib/nexus"
}

# Starts an image's program and waits for its health check.
serve() {
  local root=$1 port=$2
  shift 2
  chroot --userspec=$user:$user "$root" /usr/bin/env -i PATH=/usr/bin:/bin "$@" >"$root.log" 2>&1 &
  servers+=("$!")
  for _ in $(seq 150); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health/ready" && return
    sleep 0.2
  done
  cat "$root.log" >&2
  exit 1
}

list() {
  local name=$1 root="$place/$1"
  printf '\n## %s\n\n' "$name"
  printf '%s MB on disk, of them the binary %s MB; %s Debian packages. Runs as %s, entry point `/usr/bin/%s`.\n' \
    "$(du -sm --one-file-system "$root" | cut -f1)" "$(($(stat -c %s "$root/usr/bin/$name") / 1000000))" \
    "$(dpkg-query --admindir="$root/var/lib/dpkg" -W | wc -l)" "$user:$user" "$name"
  printf '\nAsked for: %s. The largest: %s.\n' "$(packages "$name" | paste -sd ' ')" \
    "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Installed-Size} ${Package}\n' | sort -rn | head -8 |
      awk '{ printf "%s%s %d MB", (NR > 1 ? ", " : ""), $2, $1 / 1000 }')"
  printf '\nFiles that raise whoever runs them (setuid, setgid): %s.\n' \
    "$(find "$root" -xdev -perm /6000 -type f -printf '/%P\n' | sort | paste -sd ' ' | sed 's/ /, /g')"
  printf '\n```\n'
  dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package}=${Version}\n' | paste -sd ' ' | fold -s -w 118 | sed 's/ *$//'
  printf '```\n'
}

scripts/install.sh run
command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap
say "binaries"
cargo build --release --locked --workspace --bins
say "Debian 12, as small as it gets"
debootstrap --variant=minbase bookworm "$place/base" "$mirror" >"$place/debootstrap.log" || { tail "$place/debootstrap.log"; exit 1; }
for name in nexus-edge nexus; do
  say "$name"
  image "$name"
done

say "a film through both"
origin=$((20000 + RANDOM % 10000)) worker=$((30000 + RANDOM % 10000)) edge=$((40000 + RANDOM % 10000))
credential=$(openssl rand -hex 24)
stores=(--database sqlite:/var/lib/nexus/nexus.db --store /var/lib/nexus/store)
serve "$place/nexus" $origin NEXUS_DATA=/var/lib/nexus NEXUS_EDGE_CREDENTIAL="$credential" \
  nexus origin "${stores[@]}" --listen 127.0.0.1:$origin --edge-url http://127.0.0.1:$edge
serve "$place/nexus" $worker NEXUS_DATA=/var/lib/nexus/worker nexus transcoder "${stores[@]}" --listen 127.0.0.1:$worker
serve "$place/nexus-edge" $edge NEXUS_EDGE_CREDENTIAL="$credential" \
  nexus-edge --upstream http://127.0.0.1:$origin --listen 127.0.0.1:$edge
key=$(chroot --userspec=$user:$user "$place/nexus" /usr/bin/nexus key create "${stores[@]}" --data /var/lib/nexus --role creator --json |
  sed -E 's/.*"key":"([^"]+)".*/\1/')
"$target/release/nexus" film --seconds 10 "$place/film.mp4"
played=$("$target/release/nexus" upload "$place/film.mp4" --server http://127.0.0.1:$origin --key "$key" --visibility public --wait --json |
  sed -E 's/.*"hls":"([^"]+)".*/\1/')
"$target/release/nexus" check "$played"

say "docs/IMAGES.md"
{
  cat <<'HEAD'
# What is in the images

Written by `make images`, which puts together what `deploy/Dockerfile`'s last stages do: Debian 12 of the smallest kind
(`debootstrap --variant=minbase`; the Dockerfile's `debian:12-slim` leaves out documentation besides), the packages they ask
for, our binaries. No container engine is involved, so layers and their sizes are not shown. Before this list was written, the
programs ran inside, as the image's user: `nexus origin` and `nexus transcoder` made a ladder of a film, `nexus check` walked
it through `nexus-edge` and found nothing to complain of.
HEAD
  list nexus
  list nexus-edge
} > docs/IMAGES.md
echo "docs/IMAGES.md is written"
