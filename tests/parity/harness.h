// What the parity tests share: goldens read from disk, and a model run the way a test wants it run.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/sequence_pass.h"

namespace dsa::parity {

std::filesystem::path goldens();         // tests/goldens
std::vector<std::string> model_names();  // the folders of tests/goldens/models

/// A rectangular array of a golden file.
template <class T>
struct Array {
  std::vector<std::int64_t> shape;
  std::vector<T> values;

  [[nodiscard]] std::int64_t rows() const { return shape.at(0); }
  [[nodiscard]] std::int64_t cols() const { return shape.at(1); }
  [[nodiscard]] std::span<const T> row(std::int64_t i) const {
    return std::span<const T>(values).subspan(static_cast<std::size_t>(i * cols()),
                                              static_cast<std::size_t>(cols()));
  }
};

/// One tensor of a golden file.  Throws Error if it is missing or of another type.
Array<float> read_f32(const std::filesystem::path& file, std::string_view tensor);
Array<std::int32_t> read_i32(const std::filesystem::path& file, std::string_view tensor);
std::vector<std::int32_t> read_ids(const std::filesystem::path& file, std::string_view tensor);  // I64

/// What the other implementation answered (tools/goldens/README.md names the tensors).
struct Golden {
  std::vector<std::int32_t> tokens;
  Array<float> logits;                                   // [T, vocab]
  std::vector<std::int32_t> greedy;                      // continuation
  std::map<std::int64_t, Array<std::int32_t>> selected;  // by layer: [T, topk], ascending, -1 past the end
  std::map<std::int64_t, Array<std::int32_t>> experts;   // by layer: [T, k], best first

  explicit Golden(const std::filesystem::path& file);
};

struct RunnerOptions {
  const KernelTable* kernels = &kRefKernels;
  LoadOptions model = {};
  RunOptions run = {};
  int threads = 2;
};

/// A model and one or more sequences of its cache.
class Runner {
 public:
  Runner(const std::filesystem::path& model, const RunnerOptions& options);

  /// Logits of every token of `tokens` [T, vocab], the prompt cut into chunks of the given size.
  Array<float> logits(std::span<const std::int32_t> tokens, std::int64_t chunk);
  /// The same, handed out chunk by chunk.
  void visit_logits(std::span<const std::int32_t> tokens, std::int64_t chunk,
                    const std::function<void(std::int64_t first, TensorView<const float, 2> rows)>& visit);
  /// The best token again and again.
  std::vector<std::int32_t> greedy(std::span<const std::int32_t> prompt, std::size_t count);

  void set_run(const RunOptions& run) { run_ = run; }
  Transformer& transformer() { return model_.transformer(); }
  [[nodiscard]] const ModelConfig& config() const { return model_.config(); }

 private:
  LoadedModel model_;
  SequencePass pass_;
  RunOptions run_;
  const std::atomic<bool> never_{false};
};

/// The hooks that make a model select and route as the golden did; rows of the batch are positions first,
/// first + 1, ...
struct Forced {
  const Golden& golden;
  const ModelConfig& config;
  std::int64_t first = 0;
  std::int64_t selected_equal = 0, selected_total = 0;  // its own selections against the golden's
  [[nodiscard]] ForwardHooks hooks();
};

/// The first row that is not the same bits; nothing if all are.  Arrays of other shapes differ from row 0 on.
std::optional<std::int64_t> first_difference(const Array<float>& a, const Array<float>& b);

double standard_deviation(std::span<const float> values);
/// Largest |a - b| of each row in units of b's standard deviation; infinite if either holds a NaN.
std::vector<double> row_differences(const Array<float>& a, const Array<float>& b);
/// Of all rows.
double worst_difference(const Array<float>& a, const Array<float>& b);
std::int32_t best(std::span<const float> logits);
/// By how much the best logit beats the second.
float margin(std::span<const float> logits);

}  // namespace dsa::parity
