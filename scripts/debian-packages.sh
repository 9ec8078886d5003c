# Sourced by the scripts that install Debian's packages.

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages PACKAGE...: nothing when none is named.
install_packages() {
  [ $# -gt 0 ] || return 0
  as_root apt-get update -q
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -q -y --no-install-recommends "$@"
}
