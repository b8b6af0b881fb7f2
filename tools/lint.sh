#!/usr/bin/env bash
# Checks the tree by rules that a script can see; changes nothing.
#   tools/lint.sh        formatting, columns, scripts, file lengths, the order of folders, citations, machine paths
#   tools/lint.sh tidy   clang-tidy over our sources (needs the clang preset configured)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bad=0
complain() {
  say "lint: $*"
  bad=1
}

mapfile -t sources < <(git ls-files '*.cpp' '*.h' '*.inl')

if [[ ${1:-} == tidy ]]; then
  mapfile -t units < <(git ls-files 'src/*.cpp' | grep -v '_test\.cpp$\|torch\.cpp$')  # clang 16 does not compile torch's headers as C++20
  # One process a file, as many as there are cores; a file's findings are printed together.
  printf '%s\0' "${units[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy-16 -p build/clang --quiet 2>/dev/null || complain "clang-tidy has findings"
  exit "$bad"
fi

clang-format-16 --dry-run -Werror "${sources[@]}" || complain "run: clang-format-16 -i on the files above"

LC_ALL=C.UTF-8 grep -nE '^.{111,}' "${sources[@]}" && complain "lines past column 110: wrap them where a sentence breathes"

mapfile -t scripts < <(git ls-files -s | awk '$1 == 100755 {print $4}')
for script in "${scripts[@]}" tools/lib.sh; do
  if head -n 1 "$script" | grep -q bash || [[ $script == *.sh ]]; then
    bash -n "$script" || complain "$script does not parse"
  fi
done
for script in run test .ci/run tools/setup.sh tools/fetch_model tools/fetch_xgrammar tools/lint.sh; do
  [[ -x $script ]] || complain "$script is not executable"
done

for file in "${sources[@]}"; do
  lines=$(wc -l <"$file")
  ((lines <= 500)) || complain "$file has $lines lines, more than 500: look for a seam"
done
git grep -nE '(^|[^A-Za-z])/(work|farm|root)/' -- ':!tools/lint.sh' && complain "paths of one machine"

# A folder includes only those before it in CMakeLists.txt's list, train/ and rl/ by their parts; testing/ is for tests alone.
order=$(sed -n 's/^foreach(layer \(.*\))$/\1/p' CMakeLists.txt)
order=${order/ train / train/loop train/warmup train/sparse train/pretrain train/torch }
order=${order/ rl / rl/tasks rl/rewards rl/grpo rl/episodes rl/train rl }  # rl/ itself: what lies in none of its folders
git grep -nE '^ *#include "' -- 'src/*.cpp' 'src/*.h' 'src/*.inl' ':!src/testing' |
  awk -F '"' -v order="$order" '
  function rank(path, part) {
    split(path, part, "/")
    return (part[1] "/" part[2]) in place ? place[part[1] "/" part[2]] : place[part[1]]
  }
  BEGIN { for (i = split(order, folder, " "); i > 0; --i) place[folder[i]] = i }
  {
    file = substr($1, 5, index($1, ":") - 5)
    if ($2 ~ /^testing\//) wrong = file !~ /_test\.cpp$/
    else wrong = !rank(file) || !rank($2) || rank($2) > rank(file)
    if (wrong) { print; found = 1 }
  }
  END { exit found }' || complain "includes upwards: see docs/architecture.md, \"Layers\""

# Files of a folder are compiled as one (dsa_unity in cmake/dsa.cmake): what one names for itself no other does.
git ls-files 'src/*.cpp' ':!src/*/no_*.cpp' ':!src/cli/*main.cpp' ':!src/cli/train_*.cpp' | xargs awk '
  FNR == 1 {
    folder = FILENAME
    sub(/\/[^\/]*$/, FILENAME ~ /_test\.cpp$/ ? " tests" : "", folder)
  }
  /^namespace [a-z].*\{/ { space = $2 }
  {
    if (/^(struct|class|enum class) [^;]*\{/) name = $1 == "enum" ? $3 : $2
    else if (/^using [A-Z][A-Za-z]* = /) name = $2
    else if (/^(constexpr|const) / && match($0, / k[A-Z][A-Za-z0-9]*( =|\{|\()/)) name = substr($0, RSTART, RLENGTH)
    else if (/^[A-Za-z]/ && !/^(TEST|DSA_)|::[A-Za-z_]+\(/ && match($0, /[A-Za-z_]+\([^()]*\) \{/)) name = substr($0, RSTART, RLENGTH)
    else next
    key = folder SUBSEP space SUBSEP name
    if (key in at && at[key] != FILENAME && !($1 == "using" && $0 == said[key])) { print FILENAME ":" FNR ": " $0 "  (and " at[key] ")"; found = 1 }
    at[key] = FILENAME
    said[key] = $0
  }
  END { exit found }' || complain "names of two files of a folder: share what they name, or say better what each is"

# What comments and documents cite is there: docs/NAME.md, and the heading quoted behind it.
while IFS= read -r cite; do
  document=${cite%%,*} heading=$(sed -n 's/.*, "\(.*\)"$/\1/p' <<<"$cite")
  [[ -f $document ]] && grep -q "^#* *$heading\$" "$document" || complain "cited, but not there: $cite"
done < <(git grep -hoE 'docs/[a-z0-9/-]+\.md(, "[^"]+")?' -- ':!tools/lint.sh' | sort -u)
while IFS=: read -r file line link; do
  target=${link#](} target=${target%)}
  [[ -e $(dirname "$file")/${target%%#*} ]] || complain "$file:$line: linked, but not there: $target"
done < <(git grep -noE '\]\([^)#: ]+(#[^)]*)?\)' -- '*.md')
git grep -nE '\b(TODO|FIXME|XXX)\b' -- '*.cpp' '*.h' '*.inl' && complain "left open in the code"
exit "$bad"
