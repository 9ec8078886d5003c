#!/usr/bin/env bash
# Installs the browsers that the matrix, the bundlers' and the examples' tests drive, from Debian's packages: Chromium,
# Firefox, and WebKitGTK with its WebDriver and a display for it. What is there already is kept.
set -euo pipefail
. "$(dirname "$0")/debian-packages.sh"

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
install_packages "${packages[@]}"
