#!/bin/sh
# What is needed beside Node, from Debian's or Ubuntu's packages: `install-servers.sh [servers] [release]`, both
# without. Needs root where something is missing.
set -eu
export DEBIAN_FRONTEND=noninteractive
missing=""

# need FILE PACKAGE: a command, or a file by its whole path.
need() {
  command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || missing="$missing $2"
}

# For `npm run test:servers`: what people use around Hakiri.
servers() {
  need sqlite3 sqlite3
  need zsh zsh
  need fish fish
  need tmux tmux
  need caddy caddy
}

# For `npm run release`: what the launcher is made of, and of what tells about the libraries that go in.
# For `npm run test:release` beside that: what install.sh may find on a machine, a systemd, and file systems.
release() {
  need x86_64-linux-gnu-gcc gcc
  need x86_64-linux-gnu-strip binutils
  need /usr/include/stdio.h libc6-dev
  need /usr/include/zstd.h libzstd-dev

  need busybox busybox
  need curl curl
  need openssl openssl
  need shellcheck shellcheck
  need unzip unzip
  need wget wget
  need /lib/systemd/systemd systemd
  need /usr/sbin/mkfs.ext4 e2fsprogs
  need /usr/sbin/mkfs.xfs xfsprogs
}

[ "$#" -gt 0 ] || set -- servers release
for what in "$@"; do
  case $what in
    servers | release) "$what" ;;
    *) echo "There are servers and release, not $what" >&2; exit 2 ;;
  esac
done
[ -z "$missing" ] && exit 0
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing
