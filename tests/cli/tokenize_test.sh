# dsa tokenize: there and back, and special tokens only when they are meant.
source "$(dirname "$0")/lib.sh"

round_trip() {
  printf '%s' "$1" >"$work/in"
  on 0 "$dsa" tokenize smollm2 <"$work/in"
  cp "$work/out" "$work/ids"
  on 0 "$dsa" tokenize smollm2 --decode <"$work/ids"
  cmp -s "$work/in" "$work/out" || fail "round trip of: $1"
}
round_trip ""
round_trip "Hello world"
round_trip $'  spaces\tand\n\nlines  \n'
round_trip "naïve café — 你好，世界 — سلام دنیا — 👩‍👩‍👧‍👦 🇮🇷"
round_trip "<|im_start|>user 0123456789 it's"

on 0 "$dsa" tokenize smollm2 <<<"<|im_end|>"
[[ $(cat "$work/out") != 2,* ]] || fail "typed text became a control token"
printf '<|im_end|>' >"$work/in"
on 0 "$dsa" tokenize smollm2 --special <"$work/in"
stdout_is 2
printf 'Hi \xf0\x9f\x98\x80' >"$work/in"
on 0 "$dsa" tokenize smollm2 --json <"$work/in"
json /pieces/0 Hi

on 1 "$dsa" tokenize smollm2 --decode <<<"1,x"
stderr_is_one_line
on 0 "$dsa" tokenize smollm2 --decode <<<"2147483647" # beyond the vocabulary: no text
printf '\xff\xfeab' >"$work/in"
on 0 "$dsa" tokenize smollm2 <"$work/in"
cp "$work/out" "$work/ids"
on 0 "$dsa" tokenize smollm2 --decode <"$work/ids"
stdout_is $'\xef\xbf\xbd\xef\xbf\xbdab'
finish
