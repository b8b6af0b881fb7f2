# Sourced by the tests that start a server in the background.

# wait_for_server LOG PROCESS: until it says in LOG where it listens, which $url is then.  If it ends before that, or is not
# there after two minutes, what it said goes to stderr, and the status is 1.
wait_for_server() {
  url=
  for _ in $(seq 1200); do
    [[ -e $1 ]] && url=$(sed -n 's/.*serving at //p' "$1")
    [[ -n $url ]] && return
    kill -0 "$2" || break
    sleep 0.1
  done
  printf 'no server is there; it said: %s\n' "$(cat "$1")" >&2
  return 1
}
