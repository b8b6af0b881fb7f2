# What one run has read the next one finds on disk: the same answer, from pages that are whole or not used.
source "$(dirname "$0")/lib.sh"

home=${DSA_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/dsa}
export DSA_HOME=$work/home
mkdir "$DSA_HOME"
ln -s "$home/models" "$DSA_HOME/models"
head -c 3000 "$root/tests/goldens/smollm2/text.txt" >"$work/text.txt"
ask=("$dsa" run smollm2 --file "$work/text.txt" --temperature 0 --max-tokens 12 --json)
pages() { find "$DSA_HOME/cache" -type f -name '????????????????????????????????????????????????????????????????' 2>/dev/null | sort; }
cached() { "$json_value" /timings/cached_tokens <"$work/out"; }

# not asked for: nothing is written
on 0 "${ask[@]}" -p "What is this about?"
answer=$("$json_value" /text <"$work/out")
json /timings/cached_tokens 0
[[ ! -e $DSA_HOME/cache ]] || fail "a cache was made"

# read once, found again, with the same bits
on 0 "${ask[@]}" -p "What is this about?" --disk-cache 64
json /timings/cached_tokens 0
json /text "$answer"
count=$(pages | wc -l)
((count >= 10)) || fail "$count pages were kept"
on 0 "${ask[@]}" -p "What is this about?" --disk-cache 64
json /text "$answer"
(($(cached) == count * 64)) || fail "$(cached) tokens were found in $count pages"
on 0 "${ask[@]}" -p "Who is speaking?" --disk-cache 64
(($(cached) >= (count - 1) * 64)) || fail "another question found $(cached) tokens alone"

# other arithmetic has pages of its own
on 0 "${ask[@]}" -p "What is this about?" --disk-cache 64 --compute f32
json /timings/cached_tokens 0

# damaged and cut pages are not used, and the answer is the same
i=0
for page in $(pages); do
  case $((i++ % 3)) in
    0) printf x | dd of="$page" bs=1 seek=5000 conv=notrunc status=none ;;
    1) truncate -s 700 "$page" ;;
  esac
done
on 0 "${ask[@]}" -p "What is this about?" --disk-cache 64
json /text "$answer"
(($(cached) < count * 64)) || fail "damaged pages were used"

# a talk about a file finds it too
printf 'What is this about?\n' >"$work/question"
on 0 "$dsa" chat smollm2 --no-history --file "$work/text.txt" --temperature 0 --max-tokens 4 --disk-cache 64 <"$work/question"
printf '/stats\n' >>"$work/question"
on 0 "$dsa" chat smollm2 --no-history --file "$work/text.txt" --temperature 0 --max-tokens 4 --disk-cache 64 <"$work/question"
stderr_has "still in the cache"

# a folder that cannot be written costs the cache, not the answer
rm -r "$DSA_HOME/cache"
touch "$DSA_HOME/cache"
on 0 "${ask[@]}" -p "What is this about?" --disk-cache 64
json /text "$answer"

on 2 "${ask[@]}" -p x --disk-cache many

finish
