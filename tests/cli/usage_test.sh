# Help, wrong usage and models that cannot be opened: no weights are needed.
source "$(dirname "$0")/lib.sh"

on 0 "$dsa" --help
stdout_has "Example:"
stderr_empty
on 0 "$dsa" --version
stdout_has "dsa "
for verb in chat run serve inspect tokenize logits bench; do
  on 0 "$dsa" "$verb" --help
  stdout_has "Example:"
  stdout_has "dsa $verb smollm2"
  stderr_empty
  on 0 "$dsa" --help
  stdout_has "$verb"
done

# wrong usage: 2, nothing on stdout, --help named
while read -r line; do
  read -ra arguments <<<"$line"
  on 2 "$dsa" "${arguments[@]}" </dev/null
  stdout_empty
  stderr_has "dsa: "
  stderr_has "--help"
done <<'LINES'

nosuchverb
rum smollm2
run
run smollm2
run smollm2 -p
run smollm2 -p x extra
run smollm2 -p x --nosuch
run smollm2 -p x --temperature hot
run smollm2 -p x --temperature -1
run smollm2 -p x --temperature nan
run smollm2 -p x --top-p 2
run smollm2 -p x --top-k 0
run smollm2 -p x --threads 0
run smollm2 -p x --threads 99999999999999999999
run smollm2 -p x --ctx -5
run smollm2 -p x --attention fast
run smollm2 -p x --compute f16
run smollm2 -p x --max-tokens -2
run smollm2 -p x --seed 18446744073709551616
run smollm2 -p x --thinking maybe
run smollm2 -p x --chat-format nosuch
logits smollm2
logits smollm2 --tokens 1
inspect smollm2 --prompt x
tokenize smollm2 a b
LINES

# a verb that there is not is named, with the nearest
on 2 "$dsa" tokenise smollm2
stderr_has "no verb tokenise: did you mean tokenize?"
on 2 "$dsa" "$(printf 'x\033[31m')"
stderr_has 'no verb x\x1b[31m'
! grep -q "did you mean" "$work/err" || fail "nothing is near"
on 2 "$dsa" eval perplexty smollm2
stderr_has "no verb perplexty: did you mean perplexity?"
stderr_has "dsa eval --help"

# a model that is not there, is not one, or has a hostile name: 1, one line
mkdir "$work/empty" "$work/bad"
printf 'not a model' >"$work/text.gguf"
: >"$work/zero.gguf"
printf '{' >"$work/bad/config.json"
head -c 4096 /dev/urandom >"$work/random.gguf"
for model in "$work/none" "$work/empty" "$work/bad" "$work/text.gguf" "$work/zero.gguf" "$work/random.gguf" /dev/null \
  "$work/$(printf 'a\033[31m\nb')" "$(printf 'x%.0s' {1..5000})" "../../../etc/passwd" "%s%n" "'; rm -rf x" "" " "; do
  on 1 "$dsa" inspect "$model"
  stdout_empty
  stderr_is_one_line
  on 1 "$dsa" run -p x -- "$model"
  stdout_empty
  stderr_is_one_line
done
on 1 env DSA_HOME="$work/home" "$dsa" run smollm2 -p x
stderr_has "./run"
stderr_is_one_line
on 1 env DSA_LOG=loud "$dsa" inspect "$work/empty"
stderr_has "DSA_LOG"
stderr_is_one_line

# a broken pipe and a full disk are failures, not successes
if [[ -w /dev/full ]]; then
  "$dsa" inspect smollm2 >/dev/full 2>"$work/err"
  status=$?
  : >"$work/out"
  [[ $status == 1 ]] || fail "writing to a full disk: status $status, expected 1"
  stderr_has "stdout"
fi
finish
