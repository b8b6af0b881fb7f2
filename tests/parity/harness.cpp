#include "parity/harness.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "checkpoint/hf_folder.h"

namespace dsa::parity {
namespace {

template <class T>
Array<T> read(const TensorSource& source, std::string_view name, DType type) {
  const StoredTensor* tensor = source.find(name);
  if (tensor == nullptr || tensor->type != type) fail("golden: {} is missing or of another type", name);
  Array<T> out{tensor->shape, std::vector<T>(tensor->bytes.size() / sizeof(T))};
  std::memcpy(out.values.data(), tensor->bytes.data(), tensor->bytes.size());
  return out;
}

std::vector<std::int32_t> read_ids(const TensorSource& source, std::string_view name) {
  const auto wide = read<std::int64_t>(source, name, DType::i64).values;
  return {wide.begin(), wide.end()};
}

LoadOptions load_options(const RunnerOptions& options) {
  LoadOptions out = options.model;
  out.threads = options.threads;
  return out;
}

}  // namespace

std::filesystem::path goldens() { return std::filesystem::path(DSA_SOURCE_DIR) / "tests" / "goldens"; }

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(goldens() / "models"))
    if (entry.is_directory()) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

Array<float> read_f32(const std::filesystem::path& file, std::string_view tensor) {
  return read<float>(*open_safetensors(file), tensor, DType::f32);
}
Array<std::int32_t> read_i32(const std::filesystem::path& file, std::string_view tensor) {
  return read<std::int32_t>(*open_safetensors(file), tensor, DType::i32);
}
std::vector<std::int32_t> read_ids(const std::filesystem::path& file, std::string_view tensor) {
  return read_ids(*open_safetensors(file), tensor);
}

Golden::Golden(const std::filesystem::path& file) {
  const auto source = open_safetensors(file);
  tokens = read_ids(*source, "tokens");
  logits = read<float>(*source, "logits", DType::f32);
  if (source->find("greedy") != nullptr) greedy = read_ids(*source, "greedy");
  source->for_each([&](std::string_view name, const StoredTensor&) {
    const auto by_layer = [&](std::string_view prefix, auto& map) {
      if (name.starts_with(prefix))
        map[std::stoll(std::string(name.substr(prefix.size())))] =
            read<std::int32_t>(*source, name, DType::i32);
    };
    by_layer("selected.", selected);
    by_layer("experts.", experts);
  });
}

Runner::Runner(const std::filesystem::path& model, const RunnerOptions& options)
    : model_(with_indexer(open_model(model), options.model), load_options(options), *options.kernels),
      pass_(model_),
      run_(options.run) {
  check_run(run_, config());
}

Array<float> Runner::logits(std::span<const std::int32_t> tokens, std::int64_t chunk) {
  Array<float> out{{static_cast<std::int64_t>(tokens.size()), config().vocab_size}, {}};
  visit_logits(tokens, chunk, [&](std::int64_t, TensorView<const float, 2> rows) {
    out.values.insert(out.values.end(), rows.data(), rows.data() + rows.size());
  });
  return out;
}

void Runner::visit_logits(std::span<const std::int32_t> tokens, std::int64_t chunk,
                          const std::function<void(std::int64_t, TensorView<const float, 2>)>& visit) {
  DSA_CHECK(chunk <= transformer().max_tokens());
  pass_.extend({.tokens = tokens, .first = 0, .logits_from = 0, .run = run_, .chunk = chunk}, visit,
               /*progress=*/{}, never_);
}

std::vector<std::int32_t> Runner::greedy(std::span<const std::int32_t> prompt, std::size_t count) {
  std::vector<std::int32_t> tokens(prompt.begin(), prompt.end());
  for (std::size_t done = 0; tokens.size() < prompt.size() + count;) {
    const auto fresh = std::span<const std::int32_t>(tokens).subspan(done);
    pass_.extend({.tokens = fresh,
                  .first = static_cast<std::int64_t>(done),
                  .logits_from = static_cast<std::int64_t>(tokens.size()) - 1,
                  .run = run_},
                 /*logits=*/{}, /*progress=*/{}, never_);
    done = tokens.size();
    tokens.push_back(best(pass_.last_logits()));
  }
  return {tokens.end() - static_cast<std::ptrdiff_t>(count), tokens.end()};
}

ForwardHooks Forced::hooks() {
  return {
      .selection =
          [this](std::int64_t layer, TensorView<std::int32_t, 2> idx, std::span<std::int32_t> count) {
            const auto& wanted = golden.selected.at(layer);
            for (std::int64_t t = 0; t < idx.rows(); ++t) {
              const auto row = wanted.row(first + t);
              const auto size = std::ranges::find(row, -1) - row.begin();
              const auto own =
                  idx.span(t).first(static_cast<std::size_t>(count[static_cast<std::size_t>(t)]));
              if (own.size() < static_cast<std::size_t>(first + t + 1)) {  // a real choice
                std::vector<std::int32_t> common;
                std::ranges::set_intersection(own, row.first(static_cast<std::size_t>(size)),
                                              std::back_inserter(common));
                selected_equal += static_cast<std::int64_t>(common.size());
                selected_total += size;
              }
              std::ranges::fill(idx.span(t), -1);
              std::ranges::copy(row.first(static_cast<std::size_t>(std::min<std::int64_t>(size, idx.cols()))),
                                idx.row(t));
              count[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(size);
            }
          },
      .routing =
          [this](std::int64_t layer, TensorView<const float, 2> logits, TensorView<std::int32_t, 2> ids,
                 TensorView<float, 2> weights) {
            const auto& wanted = golden.experts.at(layer);
            const MoeConfig& moe = *config.moe;
            for (std::int64_t t = 0; t < ids.rows(); ++t) {
              std::ranges::copy(wanted.row(first + t), ids.row(t));
              double sum = 0;
              for (std::int64_t k = 0; k < ids.cols(); ++k) {
                weights(t, k) = 1.0F / (1.0F + std::exp(-logits(t, ids(t, k))));
                sum += weights(t, k);
              }
              const double scale = moe.routed_scaling_factor / (moe.norm_topk_prob ? sum : 1.0);
              for (float& w : weights.span(t)) w = static_cast<float>(w * scale);
            }
          },
      .layer_output = {},
  };
}

std::optional<std::int64_t> first_difference(const Array<float>& a, const Array<float>& b) {
  if (a.shape != b.shape) return 0;
  for (std::int64_t t = 0; t < a.rows(); ++t)
    if (std::memcmp(a.row(t).data(), b.row(t).data(), a.row(t).size_bytes()) != 0) return t;
  return std::nullopt;
}

double standard_deviation(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  const auto n = static_cast<double>(values.size());
  return std::sqrt(squares / n - sum / n * (sum / n));
}

std::vector<double> row_differences(const Array<float>& a, const Array<float>& b) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (a.values.size() != b.values.size()) return {kInfinite};
  const double unit = standard_deviation(b.values);
  std::vector<double> out(static_cast<std::size_t>(b.rows()), 0.0);
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    double& worst = out[i / static_cast<std::size_t>(b.cols())];
    const double d = std::fabs(static_cast<double>(a.values[i]) - static_cast<double>(b.values[i])) / unit;
    if (!(d <= worst)) worst = std::isnan(d) ? kInfinite : d;
  }
  return out;
}

double worst_difference(const Array<float>& a, const Array<float>& b) {
  return std::ranges::max(row_differences(a, b));
}

std::int32_t best(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

float margin(std::span<const float> logits) {
  const auto top = best(logits);
  float second = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (static_cast<std::int32_t>(i) != top) second = std::max(second, logits[i]);
  return logits[static_cast<std::size_t>(top)] - second;
}

}  // namespace dsa::parity
