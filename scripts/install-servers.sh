#!/bin/sh
# What `npm run test:servers` needs beside Node, from Debian's or Ubuntu's packages. Needs root.
set -eu
export DEBIAN_FRONTEND=noninteractive
missing=""
for tool in sqlite3 zsh fish tmux; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -z "$missing" ] && exit 0
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing
