// What one retrieval sample gave, and the file such results are kept in while a long run goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/retrieval_tasks.h"
#include "eval/run_log.h"

namespace dsa {

/// One way of attending.
struct RetrievalAnswer {
  bool match = false;
  double log_prob = 0;  // of the right answer, summed over its tokens, natural logarithm
  std::string said;     // what the model answers by itself, greedily
};

struct RetrievalResult {
  RetrievalTask task = RetrievalTask::single;
  std::int64_t length = 0;
  std::int64_t number = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t answer_tokens = 0;
  RetrievalAnswer dense;
  RetrievalAnswer sparse;

  /// A log-probability of its answer, or a difference of two, in nats a token.
  [[nodiscard]] double per_token(double log_prob) const {
    return log_prob / static_cast<double>(answer_tokens);
  }
};

/// What a file of results holds.
struct RetrievalRun {
  nlohmann::ordered_json identity;  // model, indexer, seed, ...
  std::vector<RetrievalResult> results;
};

/// Throws Error if the file cannot be read, is none of RetrievalLog's, or if a line is damaged; a last line
/// that was cut off is no error, and not read.
RetrievalRun read_retrieval_run(const std::filesystem::path& path);

/// A RunLog of such results.
class RetrievalLog {
 public:
  /// Opens or makes the file.  A last line that was cut off is dropped.  Throws Error if it cannot be read or
  /// written, if it is of another run, or if a line is damaged.
  RetrievalLog(const std::filesystem::path& path, const nlohmann::ordered_json& run);

  /// What the file held when it was opened.
  [[nodiscard]] const std::vector<RetrievalResult>& earlier() const { return earlier_; }
  /// Throws Error if the disk fails.
  void append(const RetrievalResult& result);

 private:
  RunLog log_;
  std::vector<RetrievalResult> earlier_;
};

}  // namespace dsa
