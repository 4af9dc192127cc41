#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install_packages.sh LIST…: installs what is missing of packages/LIST.txt. Not root: prints the
# line to run, and stops.
set -eu
cd "$(dirname "$0")/.."

missing=""
for list in "$@"; do
  missing="$missing $(grep -v '^#' "packages/$list.txt" | while read -r package word command; do
    if [ "$word" = command ] && command -v "$command" >/dev/null; then continue; fi
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done)"
done
missing=$(echo $missing)
[ -z "$missing" ] && exit 0

install="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" != 0 ]; then
  echo "llmd needs packages that are not installed. Run this, then the same command again:" >&2
  echo "  sudo apt-get update && sudo $install" >&2
  exit 1
fi
echo "llmd: installing $missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
$install -qq >/dev/null
