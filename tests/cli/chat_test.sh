# dsa chat over a pipe: questions in, answers out, commands on stderr.
source "$(dirname "$0")/lib.sh"

greedy=(--temperature 0 --max-tokens 24)

printf '%s\n' "What is the capital of France?" "/stats" "And of Italy?" >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
stdout_has "Paris"
stdout_has "Rome" # the second question alone does not say what is asked
stderr_has "tok/s"

printf '%s\n' "/help" "/nosuch" "/compare" "/stats" "/quit" "never asked" >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
stdout_empty
stderr_has "/reset"
stderr_has "/nosuch: no such command"
stderr_has "no indexer"
stderr_has "nothing has been answered"

# /reset: the same question, the same answer as at first
printf '%s\n' "Say one word." "/reset" "Say one word." >"$work/in"
on 0 "$dsa" chat "${greedy[@]}" <"$work/in"
[[ $(sort -u "$work/out" | wc -l) == $(($(wc -l <"$work/out") / 2)) ]] || fail "/reset left something behind"

printf 'The secret word is pineapple.' >"$work/doc.txt"
on 0 "$dsa" chat --file "$work/doc.txt" "${greedy[@]}" <<<"What is the secret word?"
grep -qi pineapple "$work/out" || fail "the document was not read"

# one bad answer does not end the talk, but a script can see it
printf '%s\n' "this question is too long for so small a context, is it not, dear model, what do you say" "/help" >"$work/in"
on 1 "$dsa" chat --ctx 8 <"$work/in"
stderr_has "/reset"

on 0 "$dsa" chat </dev/null
stdout_empty
on 1 "$dsa" chat --file "$work/none" </dev/null
stderr_is_one_line
finish
