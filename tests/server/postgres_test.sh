# One ledger in PostgreSQL for several servers: never overdrawn, each row settled once, rows of dead servers ended.
source "$(dirname "$0")/lib.sh"
source "$here/postgres_lib.sh"

work=$(mktemp -d)
trap 'postgres_ends; rm -rf "$work"' EXIT
postgres "$work/pg"
# What holds for a ledger in a file holds for one in a database.
DSA_TEST_LEDGER=$postgres_url "$build/src/accounts/accounts_test" --gtest_filter='*LedgerTest*:Postgres.*' >"$work/unit" 2>&1 || {
  cat "$work/unit"
  exit 1
}
grep -q 'InPostgreSQL' "$work/unit" || {
  echo "FAILED: the unit tests did not run in PostgreSQL"
  exit 1
}
python3 "$here/postgres_test.py" "$serve_script" "$build/dsa" "$work" "$postgres_url" "$postgres_pid"
