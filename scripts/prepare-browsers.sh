#!/usr/bin/env bash
# Installs the browsers that the matrix, the bundlers' and the examples' tests drive, from Debian's packages: Chromium,
# Firefox, and WebKitGTK with its WebDriver and a display for it. What is there already is kept.
set -euo pipefail

declare -A package_of=(
  [chromium]=chromium
  [firefox-esr]=firefox-esr
  [WebKitWebDriver]=webkit2gtk-driver
  [Xvfb]=xvfb
)

packages=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || packages+=("${package_of[$program]}")
done
[ ${#packages[@]} -gt 0 ] || exit 0

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

as_root apt-get update -q
DEBIAN_FRONTEND=noninteractive as_root apt-get install -q -y --no-install-recommends "${packages[@]}"
