# dsa chat over a pipe: questions in, answers out, commands on stderr.
source "$(dirname "$0")/lib.sh"

greedy=(--temperature 0 --max-tokens 24)

# the second prompt goes on where the first talk ended
printf '%s\n' "What is 2+2?" "And 3+3?" "/stats" >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
stdout_has "4"
grep -qE '\([0-9]{2,} still in the cache\), .* tok/s' "$work/err" || fail "the first turn was forgotten or computed again"
on 0 "$dsa" chat "${greedy[@]}" <<<$'And 3+3?\n/stats'
grep -q "still in the cache" "$work/err" && fail "a first question found something in the cache"

printf '%s\n' "/help" "/nosuch" "/compare" "/stats" "/quit" "never asked" >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" --indexer none <"$work/in"
stdout_empty
stderr_has "/reset"
stderr_has "/nosuch: no such command"
stderr_has "no indexer"
stderr_has "nothing has been answered"

# a question may begin with a slash: with //, or with more behind a word that is no command
printf '%s\n' "//stats" "/no_think What is 2+2?" >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
[[ $(wc -l <"$work/out") -ge 2 ]] || fail "two questions, fewer answers"
! grep -q "no such command\|tok/s" "$work/err" || fail "a question was taken for a command"

# a byte order mark hides no command
printf '\xef\xbb\xbf/quit\nnever asked\n' >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
stdout_empty
stderr_empty

# /reset: the same question, the same answer as at first
printf '%s\n' "Say one word." "/reset" "Say one word." >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
[[ $(sort -u "$work/out" | wc -l) == $(($(wc -l <"$work/out") / 2)) ]] || fail "/reset left something behind"

printf 'The secret word is pineapple.' >"$work/doc.txt"
on 0 "$dsa" chat --file "$work/doc.txt" "${greedy[@]}" <<<"What is the secret word?"
grep -qi pineapple "$work/out" || fail "the document was not read"

# The default model comes with an indexer: past its top-k attention is over a selection, and dense is a question away.
printf '%s\n' "Name one word of this text." "/stats" "/compare" "/quit" >"$work/in"
cat "$root/docs/testing.md" "$root/docs/testing.md" >"$work/long.txt"
on 0 "$dsa" chat --file "$work/long.txt" "${greedy[@]}" <"$work/in"
grep -qE '[1-9][0-9]* over a selection' "$work/err" || fail "attention was dense"
stderr_has "attended to 512 of"
stderr_has "-- dense"
stderr_has "tokens are the same"
on 0 "$dsa" chat --file "$work/long.txt" "${greedy[@]}" --indexer none <"$work/in"
stderr_has " 0 over a selection"

# one bad answer does not end the talk, but a script can see it
printf '%s\n' "$(printf 'this question is too long for so small a context %.0s' {1..20})" "/help" >"$work/in"
on 1 "$dsa" chat --ctx 64 <"$work/in"
stderr_has "/reset"

# At a terminal: what the model writes cannot command it, and the history is kept unless --no-history.
if command -v script >/dev/null; then
  escape() { # the token ESC, from any prompt
    printf 'hi\n/quit\n' | env DSA_HOME="$work/home" script -qec "$dsa $* --logit-bias 212:100 --temperature 0 --max-tokens 2" /dev/null
  }
  mkdir -p "$work/home/models"
  ln -s "$("$root/tools/fetch_model")" "$work/home/models/"
  escape chat --no-history >"$work/typed"
  grep -qF '\x1b' "$work/typed" || fail "the escape is not shown"
  [[ ! -e $work/home/chat_history ]] || fail "--no-history wrote one"
  escape chat >"$work/typed"
  grep -q hi "$work/home/chat_history" || fail "no history was written"
  on 0 "$dsa" run smollm2 --raw -p x --logit-bias 212:100 --temperature 0 --max-tokens 2
  grep -q "$(printf '\033')" "$work/out" || fail "a pipe gets the answer as it is"
else
  echo "skipped: a terminal (no script)"
fi

on 0 "$dsa" chat </dev/null
stdout_empty
on 1 "$dsa" chat --file "$work/none" </dev/null
stderr_is_one_line
finish
