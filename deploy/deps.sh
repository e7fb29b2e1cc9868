#!/usr/bin/env bash
# Installs what Debian 12 needs to build, test and run Lazaret. Idempotent: asks dpkg first and installs only what is missing.
#   deploy/deps.sh              build, test and run time
#   deploy/deps.sh --runtimes   the same, and Node.js, Go, Rust, Ruby, Deno and Bun, for /run, /jobs and /v1/execute: 900 MB.
#                               Those that are not Debian's, and prepared caches, go to RUNTIMES_DIR (deploy/runtimes.sh)
#   deploy/deps.sh --print      prints the list and installs nothing
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config git ca-certificates
  libcaf-dev libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libsimdjson-dev libcurl4-openssl-dev
  libseccomp-dev libcap-dev prometheus-cpp-dev catch2 libssl-dev libsqlite3-dev libarchive-dev zlib1g-dev
  libspdlog-dev libhiredis-dev libfmt-dev libcli11-dev libtomlplusplus-dev python3-dev clang-format-14
  clang-14 libclang-rt-14-dev llvm-14)  # for tests/fuzz; llvm-14 has the symbolizer
run=(python3 nftables python3-pip-whl python3-setuptools-whl python3-wheel-whl curl)
# Releases that deploy/mirror.sh repacks, the real Prometheus that the tests start, and the baselines of deploy/bench.sh.
check=(iproute2 mount e2fsprogs redis-server redis-tools prometheus bubblewrap wrk openssl stress-ng python3-charset-normalizer python3-pep517 python3-tomli python3-pip python3-requests python3-urllib3 python3-idna python3-certifi python3-chardet
  python3-click python3-jinja2 python3-markupsafe python3-yaml python3-six python3-flask python3-werkzeug
  python3-itsdangerous python3-numpy python3-attr python3-packaging python3-pyparsing python3-dateutil
  python3-tz python3-simplejson python3-toml python3-pluggy python3-iniconfig python3-colorama python3-tabulate
  python3-more-itertools python3-zipp python3-decorator python3-docutils python3-pygments python3-distlib
  python3-platformdirs python3-filelock python3-wheel python3-setuptools python3-build python3-websockets)
# tests/vm boots a kernel of its own; uidmap gives an unprivileged jailer its users.
vm=(qemu-system-x86 busybox-static cpio kmod procps uidmap)

if [[ "${1:-}" == --print ]]; then printf '%s\n' "${build[@]}" "${run[@]}" "${check[@]}" "${vm[@]}"; exit 0; fi
[[ $# -eq 0 || ( $# -eq 1 && $1 == --runtimes ) ]] || { echo "usage: deploy/deps.sh [--runtimes | --print]" >&2; exit 2; }
# A node that is not Debian's serves as well. cargo links with gcc, which g++ brings.
runtimes=()
if [[ "${1:-}" == --runtimes ]]; then
  runtimes=(golang-go rustc cargo ruby)
  [[ -x /usr/bin/node ]] || runtimes+=(nodejs)
  [[ -x /usr/bin/npm ]] || runtimes+=(npm)  # for the setup scripts of prebuilds
fi

missing=()
for package in "${build[@]}" "${run[@]}" "${check[@]}" "${vm[@]}" "${runtimes[@]}"; do
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" == installed ]] || missing+=("$package")
done
sudo=""; (( EUID == 0 )) || sudo=sudo
if (( ${#missing[@]} )); then
  # RUNLEVEL=1: a postinst that asks invoke-rc.d does not start services of its own (the tests start their own Prometheus).
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  echo "installing: ${missing[*]}" >&2
  $sudo apt-get update -q >/dev/null
  $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
fi
# The kernel that tests/vm boots: downloaded, not installed. Stale package lists may name one that is gone.
kernel=$(realpath "$(dirname "$0")/../tests/vm/kernel.sh")
"$kernel" >/dev/null || { $sudo apt-get update -q >/dev/null; "$kernel" >/dev/null; }
if (( ${#runtimes[@]} )); then $sudo env ${RUNTIMES_DIR:+RUNTIMES_DIR="$RUNTIMES_DIR"} "$(dirname "$0")/runtimes.sh"; fi
