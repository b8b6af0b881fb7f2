# Shared by the scripts here, by ./run and by ./test: sourced, never run.  Messages go to stderr: stdout is for results.

say() { printf '%s\n' "$*" >&2; }
die() {
  say "${0##*/}: $*"
  exit 1
}

# The same rule as dsa_home() in src/base/env.cpp.
dsa_home() {
  if [[ -n ${DSA_HOME:-} ]]; then
    printf '%s' "$DSA_HOME"
  elif [[ -n ${XDG_DATA_HOME:-} ]]; then
    printf '%s' "$XDG_DATA_HOME/dsa"
  else
    printf '%s' "${HOME:-/tmp}/.local/share/dsa"
  fi
}

# quietly WHAT LOG COMMAND...: on a terminal the command's output is shown; elsewhere it is kept in LOG and shown only if
# the command fails.
quietly() {
  local what=$1 log=$2
  shift 2
  if [[ -t 2 ]]; then
    say "== $what"
    "$@" >&2 || die "$what failed"
  elif ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    die "$what failed (log: $log)"
  fi
}

# build_preset NAME [TARGET...]: configures once; afterwards ninja itself notices what changed.
build_preset() {
  local preset=$1 dir=build/$1
  shift
  mkdir -p "$dir"
  [[ -f $dir/build.ninja ]] || quietly "configure $preset" "$dir/configure.log" cmake --preset "$preset"
  if ninja -C "$dir" -n "$@" 2>/dev/null | grep -q "no work to do"; then return; fi
  quietly "build $preset" "$dir/build.log" cmake --build --preset "$preset" ${1:+--target "$@"}
}
