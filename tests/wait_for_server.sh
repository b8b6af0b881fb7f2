# Sourced by the tests that start a server in the background.

# wait_for_server LOG PROCESS: until it says in LOG where it listens, which $url is then; "" if it ends before that.
wait_for_server() {
  url=
  for _ in $(seq 1200); do
    url=$(sed -n 's/.*serving at //p' "$1" 2>/dev/null) || true
    [[ -z $url ]] && kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
}
