// Measuring in turn with another program.
#pragma once

#include <iosfwd>

namespace dsa {

class ModelBench;

/// Does what the lines of `in` say, one at a time, and answers each with one line of JSON on `out`; the first
/// answer, before any line is read, says how the model was loaded.
///   fill DEPTH              brings DEPTH tokens into the cache          {"depth"}
///   decode DEPTH TOKENS     one measurement                {"depth", "tokens", "seconds", "cost": {...}}
///   decode DEPTH TOKENS SEQUENCES   of several, TOKENS each             the same and {"sequences"}
///   prefill DEPTH TOKENS    one measurement                             the same
///   memory                  the peak since the model began to load      {"peak_rss_bytes"}
///   machine                 measures the ceilings                       as in `bench --json`
/// Between two lines the process sleeps.  True at the end of the input, false if cancelled.  Throws Error on
/// a line that it does not know or that the cache does not hold.
bool run_steps(ModelBench& bench, std::istream& in, std::ostream& out);

}  // namespace dsa
