# dsa keys, dsa usage and the options of dsa serve that have to do with them: no model is loaded.
source "$(dirname "$0")/lib.sh"

unset DSA_SERVE_LEDGER
export DSA_HOME=$work/home
for part in create list revoke limit; do
  on 0 "$dsa" keys "$part" --help
  stdout_has "Example:"
  stdout_has "dsa keys $part"
done
on 2 "$dsa" keys
on 2 "$dsa" keys creat
stderr_has "did you mean create?"
refused "there is no ledger" "$dsa" usage

# a key is printed once, alone; only its hash is kept, in a file of its owner's
on 0 "$dsa" keys create --owner anna --deposit 5 --requests 60 --budget-day 0.25 --model m --model n
stderr_has "shown once"
grep -qxE 'dsa-[0-9a-f]{8}-[0-9a-f]{64}' "$work/out" || fail "no key is printed"
key=$(cat "$work/out")
id=${key:4:8}
grep -q "${key:13}" "$DSA_HOME"/accounts.db* && fail "the key is kept"
[[ $(stat -c %a "$DSA_HOME/accounts.db") == 600 ]] || fail "others may read the ledger"
on 0 "$dsa" keys list --json
json /keys/0/id "$id"
json /keys/0/owner anna
json /keys/0/role user
json /keys/0/balance 5.00
json /keys/0/requests_per_minute 60
json /keys/0/budget_day 0.25
json /keys/0/budget_month null
json /keys/0/models/1 n
on 0 "$dsa" keys list
stdout_has "balance 5.00 of 5.00, 0.25 a day, 60 requests a minute, m n"

# what is not named stays, none takes away, deposits add up
on 0 "$dsa" keys limit "$id" --requests none --budget-month 3 --deposit 2.5 --model all --expires 2030-01-01
on 0 "$dsa" keys limit "$id" --deposit=-0.5
on 0 "$dsa" keys list --json
json /keys/0/requests_per_minute null
json /keys/0/budget_day 0.25
json /keys/0/budget_month 3.00
json /keys/0/balance 7.00
json /keys/0/models '[]'
json /keys/0/expires 2030-01-01T00:00:00Z
on 0 "$dsa" keys create --role admin --ledger "$work/other.db" --json
json /owner "$("$json_value" /id <"$work/out")"
on 0 "$dsa" keys list
[[ $(wc -l <"$work/out") == 2 ]] || fail "the key of another ledger is listed"

for wrong in "--requests 0" "--requests x" "--deposit 1.2345678" "--budget-day -1" "--expires soon" "--expires 2026-02-30" "--role root"; do
  # shellcheck disable=SC2086
  on 2 "$dsa" keys create $wrong
  stdout_empty
done
on 0 "$dsa" keys list --json
on 1 "$json_value" /keys/1 <"$work/out"
refused "no valid key has the id ffffffff" "$dsa" keys revoke ffffffff
on 0 "$dsa" keys revoke "$id"
refused "no valid key" "$dsa" keys revoke "$id"
refused "no valid key" "$dsa" keys limit "$id" --requests 1
on 0 "$dsa" keys list
stdout_has "revoked 20"

# each change is on record
on 0 "$dsa" usage --requests
for what in created "deposit 5.00" limited "deposit 2.50" "deposit -0.50" revoked; do stdout_has ",$what"; done
on 0 "$dsa" usage
on 0 "$dsa" usage --json
json /data '[]'
on 2 "$dsa" usage --since yesterday
on 2 "$dsa" usage --by owner
on 2 "$dsa" usage --csv --json
printf 'not a database, and longer than the hundred bytes of the header that a real one begins with, which is quite long' >"$work/bad.db"
refused "bad.db" "$dsa" usage --ledger "$work/bad.db"

# who could come in is refused or said before a model is loaded
unset DSA_HOME
export DSA_HOME=$work/fresh
refused "host 0.0.0.0" "$dsa" serve smollm2 --host 0.0.0.0
stderr_has "dsa keys create"
on 0 "$dsa" serve smollm2 --host 0.0.0.0 --insecure --check
stdout_has "listens at 0.0.0.0: for other machines too"
stdout_has "keys: none are asked for"
grep -qE '^POST +/chat/completions +anybody$' "$work/out" || fail "chat is not open"
[[ ! -e $DSA_HOME/accounts.db ]] || fail "looking made a ledger"
on 0 "$dsa" keys create
on 0 "$dsa" serve smollm2 --host 0.0.0.0 --check
stdout_has "1 valid, 0 of them admin"
grep -qE '^POST +/chat/completions +any key$' "$work/out" || fail "chat is open"
grep -qE '^GET +/metrics +admin keys$' "$work/out" || fail "metrics are not for admins"
grep -qE '^GET +/health +anybody$' "$work/out" || fail "health is closed"
refused "host 0.0.0.0" "$dsa" serve smollm2 --host 0.0.0.0 --ledger none
on 0 "$dsa" serve smollm2 --ledger none --check
stdout_has "for this machine alone"
on 0 "$dsa" serve smollm2 --ledger "$work/new.db" --check
stdout_has "0 valid"

# prices are a table of the configuration, and stay in what is printed
cat >"$work/serve.toml" <<'TOML'
port = 7001
[prices]
currency = "CNY"
holidays = [2026-01-01]
[prices.smollm2]
hit = 0.2
miss = 2
output = 3
[[prices.smollm2.bands]]
days = ["mon"]
from = "09:00"
to = "12:00"
hit = 0.4
miss = 4
output = 6
TOML
on 0 "$dsa" serve --config "$work/serve.toml" --print-config
cp "$work/out" "$work/printed.toml"
on 0 "$dsa" serve --config "$work/printed.toml" --print-config
same "$work/out" "$work/printed.toml"
on 0 "$dsa" serve --config "$work/printed.toml" --ledger "$work/new.db" --check
sed 's/miss = 4/mis = 4/' "$work/serve.toml" >"$work/wrong.toml"
refused "prices.smollm2.bands" "$dsa" serve --config "$work/wrong.toml" --ledger "$work/new.db" --check
printf 'prices = 1\n' >"$work/wrong.toml"
on 2 "$dsa" serve --config "$work/wrong.toml" --check
finish
