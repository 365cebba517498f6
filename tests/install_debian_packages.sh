#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are missing, as root or by sudo without a password. Where
# neither is possible it does nothing: the tests say what they miss.
set -euo pipefail

installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

if ! command -v apt-get >/dev/null; then
  exit 0
fi

missing=()
while read -r package; do
  installed "$package" || missing+=("$package")
done <"$(dirname "$0")/debian-packages.txt"
if [[ ${#missing[@]} == 0 ]]; then
  exit 0
fi

as_root=()
if [[ $EUID != 0 ]]; then
  sudo --non-interactive true 2>/dev/null || exit 0
  as_root=(sudo --non-interactive)
fi
"${as_root[@]}" apt-get update -qq
failed=0
for package in "${missing[@]}"; do # one by one: Ubuntu lacks some, which is no reason to miss the others
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" || failed=1
done
exit $failed
