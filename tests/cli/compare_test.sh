# bench/compare.py, compare_llamacpp.py and compare_server.py without llama.cpp: verdicts, protocol, wrong usage.  No figure
# is compared with a time.
source "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1
compare=$root/bench/compare.py
ours=$root/bench/compare_llamacpp.py
server=$root/bench/compare_server.py

unit() { (cd "$root/bench" && python3 -m unittest "$1"); }
on 0 unit llamacpp.results_test
on 0 unit serving.results_test

# Two files of dsa bench: one row faster, one slower, one within the noise, one measured once.
row() { printf '{"attention": "dense", "phase": "decode", "tokens": 1, "depth": %d, "tok_s": %s, "tok_s_min": %s, "tok_s_max": %s}' "$@"; }
printf '{"rows": [%s, %s, %s, %s, %s]}' "$(row 0 10 9 11)" "$(row 1 10 9 11)" "$(row 2 10 9 11)" "$(row 3 10 10 10)" "$(row 4 1 1 1)" >"$work/before.json"
printf '{"rows": [%s, %s, %s, %s]}' "$(row 0 20 19 21)" "$(row 1 5 4 6)" "$(row 2 11 10 12)" "$(row 3 20 19 21)" >"$work/after.json"
on 0 "$compare" "$work/before.json" "$work/after.json"
grep -qE 'at 0 .* 2\.000 +faster$' "$work/out" || fail "row 0 is not faster"
grep -qE 'at 1 .* 0\.500 +SLOWER$' "$work/out" || fail "row 1 is not slower"
grep -qE 'at 2 .* 1\.100$' "$work/out" || fail "row 2 is judged"
grep -qE 'at 3 .* 2\.000 +measured once$' "$work/out" || fail "row 3 is judged"
stdout_has "only before: dense decode 1 at 4"

# Two of Google Benchmark: a run that takes twice as long is half as fast; means and errors are no runs.
run() { printf '{"name": "a", "run_name": "a", "run_type": "%s", "real_time": %s, "time_unit": "us"}' "$@"; }
printf '{"benchmarks": [%s, %s, %s]}' "$(run iteration 10)" "$(run iteration 11)" "$(run aggregate 999)" >"$work/g1.json"
printf '{"benchmarks": [%s, %s]}' "$(run iteration 20)" "$(run iteration 22)" >"$work/g2.json"
on 0 "$compare" "$work/g1.json" "$work/g2.json"
grep -qE '^a .* 0\.500 +SLOWER$' "$work/out" || fail "a is not half as fast"
on 1 "$compare" "$work/g1.json" "$work/after.json"
stderr_has "two files of one kind"
on 1 "$compare" "$work/g1.json" "$work/none.json"
stderr_has "No such file"
echo '[1]' >"$work/odd.json"
on 1 "$compare" "$work/odd.json" "$work/g1.json"
stderr_has "is neither"

# One layer of V3.2: the median of the repetitions against its bar.
v32() { printf '{"name": "%s", "run_name": "%s/real_time", "run_type": "iteration", "real_time": 5, "GB/s": 1, "GOP/s": 2, "%s": %s}' "$1" "$1" "$2" "$3"; }
core='core/V3.2 sparse decode 32K'
moe='moe/V3.2 8 of 256 FP8 experts decode'
printf '{"context": {"cpu": "c", "threads": "2", "kernels": "k", "read_gb_s": "1", "bf16_gflop_s": "1", "int8_gop_s": "1"}, "benchmarks": [%s, %s, %s, %s]}' \
  "$(v32 "$core" x_dense 5)" "$(v32 "$core" x_dense 7)" "$(v32 "$core" x_dense 6.5)" "$(v32 "$moe" % 39)" >"$work/v32.json"
on 0 "$root/bench/check_v32.py" "$work/v32.json"
stdout_has "| $core | 5 | 1.0 | 2 | 6.5× dense | ≥ 6.0× dense | met |"
stdout_has "| $moe | 5 | 1.0 | 2 | 39 % of read | ≥ 40 % of read | **missed** |"
on 1 "$root/bench/check_v32.py" "$work/odd.json"
stderr_has "is no result of kernels_bench"

# The engines' protocol, with dsa itself in llama.cpp's place.
on 0 env DSA="$dsa" MODEL="$tiny/llama_gqa" PYTHONPATH="$root/bench" python3 - "$work/run.json" <<'PY'
import json, os, pathlib, sys, types
from llamacpp import engines, measure
options = types.SimpleNamespace(threads=2, context=600, indexer=None, random_indexer="2x8", topk=4)
start = lambda attention: engines.start_dsa(os.environ["DSA"], os.environ["MODEL"], attention, "native", options)
started = {"sparse": start("sparse"), "dense": start("dense"), "Q4_1": start("dense")}
measure.SHORT_CELL_SECONDS = 0
running, lost = dict(started), {}
cells, machine = measure.measure(running, lost, [16, 0], reps=2, prompt=32, prompt_reps=1)
assert list(running) == list(started) and not lost
told = {name: dict(e.loaded, **e.ask("memory")) for name, e in started.items()}
for engine in started.values():
    engine.close()
assert [e.process.returncode for e in started.values()] == [0, 0, 0]
assert [(c["phase"], c["depth"], c["tokens"]) for c in cells] == [
    ("first", 0, 30), ("prompt", 0, 32), ("decode", 0, 32), ("prefill", 0, 512), ("decode", 16, 32), ("prefill", 16, 512)]
assert all(len(s) == (1 if c["phase"] == "prompt" else 2) for c in cells for s in c["seconds"].values())
result = dict(isa="native", model="tiny", model_bytes=1, cached_tokens=528, peer="itself", machine=machine, engines=told, cells=cells)
pathlib.Path(sys.argv[1]).write_text(json.dumps(result))
PY
on 0 "$ours" --from "$work/run.json" --no-docs
stdout_has "| decode | sparse | 16 |"
stdout_has "| prefill of 512 | dense | 0 |"
stdout_has "peak memory, sparse"
on 0 "$ours" --help
stdout_has "--quick"
on 2 "$ours" --depths 1,x
stderr_has "no list of token counts"
on 2 "$ours" --reps 0
on 1 "$ours" --dsa "$work/none" --model "$work/run.json" --no-docs
stderr_has "is no program"

# A row with `dsa serve` itself, the peer being none.
on 0 env DSA="$dsa" MODEL="$root/models/tiny-v32" DSA_HOME="$work" PYTHONPATH="$root/bench" python3 - "$work/rows.json" <<'PY'
import json, os, pathlib, sys
from serving import bench, rows, servers
rows.PROMPT, rows.ANSWER, rows.CLIENTS = 24, 8, (1, 2)
with servers.Stage(os.environ["DSA"], None, None, os.environ["MODEL"], {}, 2) as stage:
    cells = rows.throughput(bench.Bench(stage, [], quick=True, reps=2))
    home = pathlib.Path(os.environ["DSA_HOME"])
    assert len(list(home.glob("compare-server-*"))) == 1
assert not list(home.glob("compare-server-*"))
assert [(name, len(cell["dsa"])) for name, cell in cells.items()] == [("a/1", 2), ("a/2", 2)]
ceilings = {"cpu": "c", "threads": 2, "read_gb_s": 1, "fp32_gflop_s": 1, "bf16_gflop_s": 1, "int8_gop_s": 1}
run = dict(model="m", peer="p", machine=ceilings, document=1, shared=1, reps=2, cells=cells, client={"a": 0}, lost={}, failed={})
pathlib.Path(sys.argv[1]).write_text(json.dumps(run))
PY
on 0 "$server" --from "$work/rows.json" --no-docs
stdout_has "different, 128 out, 1 client |"
on 0 "$server" --help
stdout_has "--quick"
on 2 "$server" --rows a,x
stderr_has "no list of rows"
on 2 "$server" --reps 0
on 1 "$server" --dsa "$work/none" --model "$work/run.json" --no-docs
stderr_has "is no program"
finish
