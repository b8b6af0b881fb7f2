# Sourced by tests that need PostgreSQL.  postgres FOLDER: a server of Debian's own, as no root, on a socket in FOLDER
# alone; $postgres_url is an empty database of it.  77, and why, where there is none.
postgres() {
  local folder=$1 bin as=()
  bin=$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)
  if [[ -z $bin ]]; then
    echo "SKIPPED: there is no PostgreSQL: tools/setup.sh test installs it"
    exit 77
  fi
  bin=$(dirname "$(readlink -f "$bin")")
  mkdir -p "$folder"
  if ((EUID == 0)); then
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
    chmod 711 "$(dirname "$folder")"
    chown postgres "$folder"
  fi
  (
    cd "$folder" || exit 1
    "${as[@]}" "$bin/initdb" -A trust -U dsa -E UTF8 --locale=C --no-sync -D "$folder/data" &&
      "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
        -o "-k $folder -c listen_addresses= -c fsync=off -c max_connections=40" start
  ) >"$folder.out" 2>&1 || {
    cat "$folder.out" "$folder/log" 2>/dev/null
    echo "FAILED: PostgreSQL did not start"
    exit 1
  }
  postgres_pid=$(head -n 1 "$folder/data/postmaster.pid")
  postgres_url="postgresql://dsa@/postgres?host=$folder"
}
# postgres_ends: at once.
postgres_ends() { [[ -z ${postgres_pid:-} ]] || kill -INT "$postgres_pid" 2>/dev/null || true; }
