#!/usr/bin/env bash
# Installs the Debian packages that a set of tasks needs: the one list of them.
#   tools/setup.sh build   build and run dsa, fetch the default model
#   tools/setup.sh train   and dsa train sparse and model (libtorch: 125 MB to fetch, 512 MB on disk)
#   tools/setup.sh test    and ./test
#   tools/setup.sh full    and ./test full
#   tools/setup.sh bench   build, bench/kernels_bench, bench/compare_llamacpp.py and compare_server.py
# Does nothing, in a few milliseconds, when all are there.  Needs root or sudo; otherwise prints the line to type.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build=(g++ cmake ninja-build pkg-config ca-certificates python3 python3-pip
  libfmt-dev libspdlog-dev nlohmann-json3-dev libcli11-dev libpcre2-dev libedit-dev libutf8proc-dev nettle-dev
  libxxhash-dev libboost1.81-dev libssl-dev libtomlplusplus-dev libsqlite3-dev libpq-dev libjs-marked libjs-katex)
train=("${build[@]}" libtorch-dev libopenblas0-openmp)
test=("${train[@]}" libgtest-dev zlib1g-dev clang-format-16 ccache git python3-venv bubblewrap postgresql strace)
full=("${test[@]}" clang-16 clang-tidy-16 libclang-rt-16-dev libbenchmark-dev chromium fonts-dejavu-core)
bench=("${build[@]}" libbenchmark-dev python3-venv)

set_name=${1:-}
case $set_name in
  build | train | test | full | bench) declare -n packages=$set_name ;;
  *)
    say "usage: tools/setup.sh build|train|test|full|bench"
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  say "setup: this is no Debian: install by hand what these packages hold: ${packages[*]}"
  exit 0 # CMake says what is missing
fi

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]; }; then
    as_root=(sudo)
  else
    say "setup: packages are missing; as root, type:"
    say "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    exit 1
  fi
fi

say "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; }
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; }; then
  cat "$log" >&2
  die "apt-get failed: mend what it says above, then try again"
fi
