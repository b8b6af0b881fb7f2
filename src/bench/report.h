// The figures of `dsa bench`, for a person and as JSON (docs/interfaces.md, "JSON of the verbs").
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/cost.h"
#include "bench/machine.h"
#include "bench/median.h"
#include "bench/side_by_side.h"

namespace dsa {

/// One measured cell.
struct BenchRow {
  std::string attention;  // "dense", "sparse"
  std::int64_t depth = 0;
  std::string phase;        // "decode", "prefill", "prompt" (a whole prompt from empty)
  std::int64_t tokens = 0;  // of one repetition, of all sequences
  SideBySide side = {};     // how many, in one pass
  MedianAndRange tok_s;
  PassCost cost;  // of one repetition
};

/// How a model was loaded and how soon it answered.
struct BenchLoad {
  std::string attention;
  std::string indexer;  // "4x32, random", "64x128", or "none"
  std::int64_t topk = 0;
  double load_ms = 0;
  std::int64_t first_prompt_tokens = 0;  // of the prompt whose first token was waited for
  double first_token_ms = 0;
  std::int64_t cache_bytes_per_token = 0;
  std::int64_t weight_bytes = 0;    // that one decoded token reads
  std::int64_t peak_rss_bytes = 0;  // of the process so far
};

class ModelBench;

/// What is known of a model as soon as it is loaded.
BenchLoad load_of(const ModelBench& bench);

struct BenchReport {
  Machine machine;
  std::string model;  // the path
  std::string architecture;
  std::string kernels;
  std::vector<BenchLoad> loads;
  std::vector<BenchRow> rows;
};

/// Bytes moved a second, GB/s, at the median speed.
double gb_s(const BenchRow& row);
/// The least time the machine needs for the row's work over the time it took (0 .. 1).
double ceiling_share(const BenchRow& row, const Machine& machine);

nlohmann::ordered_json to_json(const Machine& machine);
nlohmann::ordered_json to_json(const Cost& cost);
nlohmann::ordered_json to_json(const PassCost& cost);
/// Without what is not known yet: the first token and the peak where they are 0.
nlohmann::ordered_json to_json(const BenchLoad& load);
nlohmann::ordered_json to_json(const BenchReport& report);
/// Lines for a person, the last one ended too.
std::string to_text(const BenchReport& report);

}  // namespace dsa
