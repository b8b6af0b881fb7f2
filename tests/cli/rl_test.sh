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
finish
