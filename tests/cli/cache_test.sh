# dsa cache: what is listed is what lies there, damage is found, and nothing else is removed.
source "$(dirname "$0")/lib.sh"

export DSA_HOME=$work/home
unset DSA_DISK_CACHE
cache=$DSA_HOME/cache
pages() { find "$cache" -type f -regextype egrep -regex '.*/[0-9a-f]{64}' | sort; }
a_page() { pages | sed -n "${1:-1}p"; }
pages_are() { [[ $(pages | wc -l) == "$1" ]] || fail "$(pages | wc -l) pages, expected $1"; }

for part in list verify clear; do
  on 0 "$dsa" cache "$part" --help
  stdout_has "Example:"
  stdout_has "dsa cache $part"
done
on 2 "$dsa" cache
on 2 "$dsa" cache lst
stderr_has "did you mean list?"
on 2 "$dsa" cache clear --older-than -1
on 2 "$dsa" cache clear --older-than 1 --model x
on 2 "$dsa" cache clear --older-than soon

# no folder yet, and none is made by looking
for part in list verify clear; do
  on 0 "$dsa" cache "$part"
  stderr_empty
done
on 0 "$dsa" cache list --json
json /pages 0
json /last_use null
[[ ! -e $cache ]] || fail "looking made a folder"

on 0 "$tools/make_pages" "$cache" smollm2 1 1 5 1000
on 0 "$tools/make_pages" "$cache" $'odd\e[31m' 2 2 3 2000
on 0 "$dsa" cache list
stdout_has "smollm2"
stdout_has 'odd\x1b[31m'
stdout_has "320" # 5 pages of 64 tokens
stdout_has "of at most"
on 0 "$dsa" cache list --json
json /pages 8
json /tokens 512
json /bytes $((5 * 1368 + 3 * 2368))
json /models/0/model smollm2
json /models/0/weights abc
json /models/0/pages 5
json /models/1/folder 0200000000000000
json /models/1/bytes $((3 * 2368))
limit=$("$json_value" /limit_bytes <"$work/out")
((limit > 0 && limit <= 4294967296)) || fail "the limit is $limit"
on 0 env DSA_DISK_CACHE=5 "$dsa" cache list
stdout_has "of at most 5.0 MiB"

on 0 "$dsa" cache verify
stdout_has "8 pages read, 0 bad"
stderr_empty

# a wrong bit, a page under another's name, one that is cut short
printf x | dd of="$(a_page 1)" bs=1 seek=700 conv=notrunc status=none
cp "$(a_page 3)" "$(a_page 2)"
truncate -s 900 "$(a_page 4)"
refused "3 of 8 pages" "$dsa" cache verify
stderr_has "dsa cache verify --repair"
stdout_has "$(a_page 1): is damaged"
stdout_has "$(a_page 2): is no page"
stdout_has "$(a_page 4): is damaged"
pages_are 8
on 1 "$dsa" cache verify --json
json /pages 8
json /bad/0/removed false
on 0 "$dsa" cache verify --repair
stdout_has "3 removed"
pages_are 5
on 0 "$dsa" cache verify
stdout_has "5 pages read, 0 bad"

# looking is no use: what was not used for long goes, and verify did not make it young
touch -d '10 days ago' "$(a_page 1)"
on 0 "$dsa" cache verify
on 0 "$dsa" cache clear --older-than 11
stdout_has "0 pages removed"
on 0 "$dsa" cache clear --older-than 9
stdout_has "1 pages removed"
pages_are 4

refused "smollm2" "$dsa" cache clear --model nosuch
printf 'mine' >"$cache/0100000000000000/notes.txt"
mkdir "$cache/models"
printf 'mine' >"$cache/models/notes.txt"
printf 'half' >"$cache/0200000000000000/.x.1.1.tmp"
on 0 "$dsa" cache clear --model smollm2 --json
[[ $(pages | grep -c /0100000000000000/) == 0 ]] || fail "smollm2 has pages"
[[ $(pages | grep -c /0200000000000000/) != 0 ]] || fail "the other model has none"
on 0 "$dsa" cache clear
pages_are 0
[[ ! -e $cache/0200000000000000 ]] || fail "the folder of no pages is still there"
[[ $(cat "$cache/0100000000000000/notes.txt" "$cache/models/notes.txt") == minemine ]] || fail "others' files are gone"
finish
