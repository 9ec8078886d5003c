#!/usr/bin/env bash
# Installs what the matrix's ARM64 row runs on, from Debian's packages: QEMU, and the C++ library, with which that of C
# comes. It is the cross compilers', which lies in a folder of its own, so the machine needs no second architecture. What
# is there already is kept.
set -euo pipefail
. "$(dirname "$0")/debian-packages.sh"

packages=()
command -v qemu-aarch64-static >/dev/null || packages+=(qemu-user-static)
[ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] || packages+=(libstdc++6-arm64-cross)
install_packages "${packages[@]}"
