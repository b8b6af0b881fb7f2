# dsa rl: no model is loaded.
source "$(dirname "$0")/lib.sh"

on 0 "$dsa" rl tasks --help
stdout_has "Example"
on 2 "$dsa" rl
on 2 "$dsa" rl task
stderr_has "did you mean tasks?"

# what domains there are, and a task of each with a solution
on 0 "$dsa" rl tasks
domains=$(sed 's/ .*//' "$work/out")
stdout_has "counting"
for domain in $domains; do
  on 0 "$dsa" rl tasks "$domain" --seed 3 --number 5 --difficulty 4 --json
  json /tasks/0/domain "$domain"
  json /tasks/0/number 5
  json /tasks/0/score 1.0
  json /tasks/0/reason right
done

# the same id, the same task; messages of one's own are judged
on 0 "$dsa" rl tasks counting --number 2 --count 2
cp "$work/out" "$work/first"
on 0 "$dsa" rl tasks counting --number 2 --count 2
same "$work/out" "$work/first"
on 0 "$dsa" rl tasks counting --brief --json
right=$("$json_value" /tasks/0/messages/1/content <"$work/out")
on 0 "$dsa" rl tasks counting --answer "$right" --json
json /tasks/0/score 1.0
on 0 "$dsa" rl tasks counting --answer "${right}0" --json
json /tasks/0/score 0.0
json /tasks/0/reason "wrong answer"

# a file of others' tasks
printf '{"prompt": "1 + 1", "answer": "2"}\n\n{"prompt": "1 + 2", "answer": "3", "more": 1}\n' >"$work/tasks"
on 0 "$dsa" rl tasks --file "$work/tasks" --count 3 --answer "answer: 3" --json
json /tasks/0/score 0.0
json /tasks/1/score 1.0
json /tasks/2/messages/0/content "1 + 1"
printf '{"prompt": "1 + 1"}\n' >"$work/tasks"
refused 'line 1: expected a text "answer"' "$dsa" rl tasks --file "$work/tasks"
on 2 "$dsa" rl tasks counting --file "$work/tasks"

refused "there is none of that name" "$dsa" rl tasks poetry
on 2 "$dsa" rl tasks counting --difficulty 10
on 2 "$dsa" rl tasks counting --count 0

# what recipes show: of two runs made up here, every figure by hand
recipe() {  # FOLDER MODEL=DIGITS,DIGITS...: what it solved of two domains
  mkdir -p "$work/$1"
  local folder=$1 model
  shift
  for model in "$@"; do
    printf '{"rows": [{"domain": "logic"}, {"domain": "search"}, {"domain": "together"}],
      "each": {"logic": "%s", "search": "%s"}}' "$(cut -d, -f1 <<<"${model#*=}")" "$(cut -d, -f2 <<<"$model")" \
      >"$work/$folder/eval-${model%%=*}.json"
  done
}
recipe a start=0001,0011 specialist-logic=0111,0011 specialist-search=0000,1111 distilled=0111,0111 \
  mixed=1111,0111 in-a-row-1=0111,0000 in-a-row-2=0011,1111
recipe b start=0001,0011 specialist-logic=0111,0011 specialist-search=0000,1111 distilled=0111,0111 \
  mixed=1111,1111 in-a-row-1=0111,0000 in-a-row-2=0011,1111
on 0 "$dsa" rl claims "$work/a"
stdout_has "+50.00  -41.9 .. +141.9    +15, or 95 % solved    yes   the specialist of logic over its start (it solves 75.0 %)"
stdout_has "+0.75                     0.9                    no    what the distilled model gained"
stdout_has "yes   the mixed stage over the specialists"
stdout_has "the latter lost most: logic"
on 0 "$dsa" rl claims "$work/a" "$work/b" --dense "$work/a" "$work/a"
stdout_has "by run +0.00 +12.50"
stdout_has "the interval holds 0   yes   the mixed model, trained and played sparsely over densely; by run +0.00 +12.50"
on 0 "$dsa" rl claims "$work/b" "$work/a" --dense "$work/a" --report "$work/claims.html"
grep -q "<td>logic</td><td>25.0</td><td>75.0</td>" "$work/claims.html" || fail "the page lacks what is solved"
grep -q "<svg" "$work/claims.html" || fail "the page draws nothing"
stdout_has "sparsely over densely"
[[ $(grep -o "sparsely over densely.*" "$work/out") == "sparsely over densely" ]] || fail "one dense run has figures by run"
stdout_has "+12.50"
refused "at most as many folders as there are runs, 1; got 2" "$dsa" rl claims "$work/a" --dense "$work/a" "$work/b"
refused "no evaluation of dsa rl recipe is there" "$dsa" rl claims "$work"
rm "$work/b/eval-mixed.json"
refused "its evaluation lacks mixed at logic" "$dsa" rl claims "$work/b"
finish
