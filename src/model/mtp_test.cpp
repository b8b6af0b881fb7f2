// The layer that guesses, on the trained model of the repository.
#include "model/mtp.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <map>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "checkpoint/tensor_names.h"
#include "kernels/dequantize.h"
#include "model/loaded_model.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace names = tensor_names;

const std::filesystem::path kTiny = std::filesystem::path(DSA_SOURCE_DIR) / "models/tiny-v32";
constexpr std::int64_t kTokens = 48;

// Another one's tensors, some of them renamed, some left out, some made up.
class Renamed final : public TensorSource {
 public:
  explicit Renamed(const TensorSource& of) {
    of.for_each([&](std::string_view name, const StoredTensor& t) { tensors_[std::string(name)] = t; });
  }
  StoredTensor& at(const std::string& name) { return tensors_.at(name); }
  void remove(const std::string& name) { ASSERT_EQ(tensors_.erase(name), 1U) << name; }
  void put(const std::string& name, const StoredTensor& t) { tensors_[name] = t; }
  /// Layers `from` on are gone, but for that one, which is layer 0 now.
  void only_layer(const std::string& kept) {
    std::map<std::string, StoredTensor> out;
    for (const auto& [name, tensor] : tensors_) {
      if (name.starts_with(kept)) out[names::layer(0).at + name.substr(kept.size())] = tensor;
      if (!name.starts_with(names::kLayers)) out[name] = tensor;
    }
    tensors_ = std::move(out);
  }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    const auto it = tensors_.find(std::string(name));
    return it == tensors_.end() ? nullptr : &it->second;
  }
  void for_each(const std::function<void(std::string_view, const StoredTensor&)>& visit) const override {
    for (const auto& [name, tensor] : tensors_) visit(name, tensor);
  }

 private:
  std::map<std::string, StoredTensor> tensors_;
};

using Floats = std::vector<float>;

Floats values(const TensorSource& tensors, const std::string& part) {
  const StoredTensor& stored = *tensors.find(names::weight(part));
  const auto size =
      std::accumulate(stored.shape.begin(), stored.shape.end(), std::int64_t{1}, std::multiplies());
  Floats out(usize(size));
  dequantize(stored.type, stored.bytes.data(), out);
  return out;
}

Floats normed(std::span<const float> x, std::span<const float> weight, double eps) {
  double squares = 0;
  for (const float v : x) squares += static_cast<double>(v) * v;
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(x.size()) + eps);
  Floats out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back(static_cast<float>(x[i] * inverse * weight[i]));
  return out;
}

class MtpTest : public testing::Test {
 protected:
  static LoadOptions options() {
    return {.compute = Compute::f32, .context = 512, .threads = 2, .mtp = LoadMtp::yes};
  }
  MtpTest() : model_(with_indexer(open_model(kTiny), {}), options()) {
    model_.transformer().set_hooks({.layer_output = [&](std::int64_t layer, TensorView<const float, 2> x) {
      if (layer == config().num_hidden_layers - 1)
        streams_.insert(streams_.end(), x.data(), x.data() + x.size());
    }});
    for (std::int32_t i = 0; i < 512; ++i) tokens_.push_back(i * 37 % 4096);
    std::iota(pages_.begin(), pages_.end(), 0);
  }
  [[nodiscard]] const ModelConfig& config() const { return model_.config(); }
  [[nodiscard]] const TensorSource& tensors() const { return *model_.files().tensors; }
  Mtp& mtp() { return *model_.transformer().mtp(); }

  /// The model reads tokens [first, end) in passes of `chunk`.
  void read(std::int64_t first, std::int64_t end, std::int64_t chunk = 512, std::int32_t place = 0) {
    for (; first < end; first += chunk) {
      const SequenceSlice slice{
          .tokens = std::span(tokens_).subspan(usize(first), usize(std::min(chunk, end - first))),
          .first_position = first,
          .page_table = pages_,
          .logits_rows = {},
          .run = {.attention = AttentionMode::dense},
          .mtp_place = place};
      SequenceStatus status;
      model_.transformer().forward({.sequences = {&slice, 1}}, {}, {&status, 1});
      ASSERT_TRUE(status.ok());
    }
  }
  /// What it guesses behind the first `size` tokens.
  std::vector<std::int32_t> guess(std::int64_t size, std::int64_t count, std::int32_t place = 0) {
    std::vector<std::int32_t> out(usize(count), -1);
    Mtp::Ask ask{.place = place, .tokens = std::span(tokens_).first(usize(size)), .guesses = out};
    mtp().guess({&ask, 1});
    out.resize(usize(ask.made));
    return out;
  }

  /// The same, with a guess after each pass, so that no entry is missing.
  void follow(std::int64_t first, std::int64_t end, std::int64_t chunk) {
    for (; first < end; first += chunk) {
      const std::int64_t next = std::min(first + chunk, end);
      read(first, next);
      ASSERT_EQ(std::ssize(guess(next + 1, 1)), 1);
    }
  }

  LoadedModel model_;
  Floats streams_;  // the residual stream of all passes
  std::vector<std::int32_t> tokens_;
  std::array<std::int32_t, 8> pages_{};
};

// The module as a model of one layer, whose embedding of "token" t is what the module makes of the main
// model's output at t and of token t + 1, in plain loops.
TEST_F(MtpTest, GuessesWhatTheLayerSaysAsAModelOfItsOwn) {
  constexpr std::int64_t kFurther = 3;
  follow(0, kTokens - 1, Mtp::kOutputs);
  const std::int64_t hidden = config().hidden_size, rows = kTokens - 1 + kFurther - 1;
  const names::Layer name = names::layer(config().num_hidden_layers);
  const double eps = config().rms_norm_eps;
  const Floats embedding = values(tensors(), names::kEmbedTokens), eh = values(tensors(), name.eh_proj);
  const Floats enorm = values(tensors(), name.enorm), hnorm = values(tensors(), name.hnorm),
               norm = values(tensors(), name.shared_head_norm), main_norm = values(tensors(), names::kNorm);
  Floats table(usize(config().vocab_size * hidden));
  const auto fill = [&](std::int64_t t, std::int32_t next, std::span<const float> output) {
    Floats joined = normed(std::span(embedding).subspan(usize(next * hidden), usize(hidden)), enorm, eps);
    const Floats right = normed(output, hnorm, eps);
    joined.insert(joined.end(), right.begin(), right.end());
    for (std::int64_t o = 0; o < hidden; ++o) {
      double sum = 0;
      for (std::int64_t i = 0; i < 2 * hidden; ++i)
        sum += static_cast<double>(joined[usize(i)]) * eh[usize(o * 2 * hidden + i)];
      table[usize(t * hidden + o)] = static_cast<float>(sum);
    }
  };
  for (std::int64_t t = 0; t < kTokens - 1; ++t)
    fill(t, tokens_[usize(t + 1)],
         normed(std::span(streams_).subspan(usize(t * hidden), usize(hidden)), main_norm, eps));

  ModelFiles alone = open_model(kTiny);
  Renamed renamed(*alone.tensors);
  renamed.only_layer(name.at);
  renamed.put("model.norm.weight", *tensors().find(names::weight(name.shared_head_norm)));
  renamed.put("model.embed_tokens.weight", {.type = DType::f32,
                                            .shape = {config().vocab_size, hidden},
                                            .bytes = std::as_bytes(std::span(table)),
                                            .file = "made up"});
  ModelFiles files{.path = alone.path,
                   .format = alone.format,
                   .config = alone.config,
                   .tensors = std::make_unique<Renamed>(renamed)};
  files.config.num_hidden_layers = 1;
  files.config.moe->first_k_dense_replace = 0;
  files.config.num_nextn_predict_layers = 0;
  files.config.indexer.reset();
  Exec exec(1);
  Transformer layer(files, {.compute = Compute::f32, .context = 64}, kRefKernels, exec);
  Floats output;
  layer.set_hooks({.layer_output = [&](std::int64_t, TensorView<const float, 2> x) {
    output = normed(x.span(x.rows() - 1), norm, eps);
  }});
  Floats logits(usize(config().vocab_size));
  const std::int32_t page = 0, wanted = 0;
  for (std::int64_t t = 0; t < rows; ++t) {
    const std::int64_t guesses = t - (kTokens - 3);
    if (guesses > 1) {
      const auto before = static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
      fill(t, before, output);
    }
    const auto token = static_cast<std::int32_t>(t);
    const SequenceSlice slice{
        .tokens = {&token, 1}, .first_position = t, .page_table = {&page, 1}, .logits_rows = {&wanted, 1}};
    SequenceStatus status;
    // The table may have been rounded into the model: it reads it where it lies.
    layer.forward({.sequences = {&slice, 1}}, {logits.data(), {1, config().vocab_size}}, {&status, 1});
    ASSERT_TRUE(status.ok());
    if (guesses < 1) continue;
    const auto said = guess(kTokens, guesses);
    ASSERT_EQ(std::ssize(said), guesses);
    const auto got = mtp().logits(0);
    for (std::size_t i = 0; i < logits.size(); ++i)
      ASSERT_NEAR(got[i], logits[i], 5e-4 * (1 + std::abs(logits[i]))) << "guess " << guesses << " " << i;
    EXPECT_EQ(said.back(), std::ranges::max_element(logits) - logits.begin());
  }
}

TEST_F(MtpTest, WhatItGuessesIsThatOfItsEntriesHoweverTheyCame) {
  follow(0, 60, Mtp::kOutputs);
  const auto at_once = guess(61, 3);
  const auto logits = Floats(mtp().logits(0).begin(), mtp().logits(0).end());
  EXPECT_EQ(std::ssize(at_once), 3);
  mtp().forget(0);
  read(0, 10, 7);
  EXPECT_EQ(std::ssize(guess(11, 5)), 5);
  read(10, 26);
  EXPECT_EQ(std::ssize(guess(21, 8)), 8) << "rows after the last token were guesses that did not hold";
  EXPECT_EQ(std::ssize(guess(21, 1)), 1) << "asked again";
  read(26, 36, 3);
  EXPECT_EQ(std::ssize(guess(37, 2)), 2);
  follow(36, 60, 1);
  EXPECT_EQ(guess(61, 3), at_once);
  EXPECT_TRUE(std::ranges::equal(mtp().logits(0), logits));
}

TEST_F(MtpTest, SequencesDoNotTouchEachOther) {
  read(0, 64, 512, 0);
  const auto alone = guess(65, 4);
  std::array<std::array<std::int32_t, 8>, 3> out{};
  read(0, 200, 50, 3);
  read(0, 30, 512, 1);
  std::vector<Mtp::Ask> asks;
  for (const auto& [place, size, count] : {std::array<std::int32_t, 3>{3, 201, 2}, {0, 65, 4}, {1, 31, 8}})
    asks.push_back({.place = place,
                    .tokens = std::span(tokens_).first(usize(size)),
                    .guesses = std::span(out[asks.size()]).first(usize(count))});
  mtp().guess(asks);
  for (const Mtp::Ask& ask : asks) EXPECT_EQ(ask.made, std::ssize(ask.guesses));
  EXPECT_TRUE(std::ranges::equal(asks[1].guesses, alone));
  EXPECT_TRUE(std::ranges::equal(asks[0].guesses, guess(201, 2, 3)));
}

TEST_F(MtpTest, WithoutTheLastTokensOutputThereIsNoGuess) {
  EXPECT_TRUE(guess(1, 1).empty());
  EXPECT_TRUE(guess(11, 1).empty());
  read(0, 10);
  EXPECT_TRUE(guess(12, 1).empty()) << "token 10 was not run";
  EXPECT_EQ(std::ssize(guess(11, 1)), 1);
  read(100, 110);  // what is between was found in the cache
  EXPECT_EQ(std::ssize(guess(111, 2)), 2);
  EXPECT_TRUE(guess(100, 1).empty()) << "the place has gone on";
  mtp().forget(0);
  EXPECT_TRUE(guess(111, 1).empty());
}

// A context that is longer than the window, on a model whose values are of no matter.
TEST(Mtp, TheWindowSlides) {
  const auto path = std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v32_mtp";
  LoadedModel model(with_indexer(open_model(path), {}),
                    {.context = Mtp::kWindow + 400, .chunk = 16, .threads = 1, .mtp = LoadMtp::yes});
  Mtp& mtp = *model.transformer().mtp();
  std::vector<std::int32_t> tokens, pages(usize(ceil_div(model.context(), kPageTokens)));
  std::iota(pages.begin(), pages.end(), 0);
  std::array<std::int32_t, 8> guesses{};
  for (std::int64_t i = 0; i < model.context(); ++i)
    tokens.push_back(static_cast<std::int32_t>(i * 7 % model.config().vocab_size));
  for (std::int64_t first = 0; first + 16 < model.context(); first += 16) {
    const SequenceSlice slice{.tokens = std::span(tokens).subspan(usize(first), 16),
                              .first_position = first,
                              .page_table = pages,
                              .logits_rows = {},
                              .mtp_place = 5};
    SequenceStatus status;
    model.transformer().forward({.sequences = {&slice, 1}}, {}, {&status, 1});
    ASSERT_TRUE(status.ok());
    Mtp::Ask ask{.place = 5, .tokens = std::span(tokens).first(usize(first + 17)), .guesses = guesses};
    mtp.guess({&ask, 1});
    ASSERT_EQ(ask.made, 8);
    for (const auto id : guesses) ASSERT_TRUE(id >= 0 && id < model.config().vocab_size);
  }
  const std::vector<float> slid(mtp.logits(0).begin(), mtp.logits(0).end());
  EXPECT_TRUE(std::ranges::all_of(slid, [](float x) { return std::isfinite(x); }));
}

class DamagedMtp : public testing::Test {
 protected:
  static std::string load(const Renamed& tensors, LoadMtp wanted, bool& there) {
    const ModelFiles files = open_model(kTiny);
    Exec exec(1);
    const auto log = spdlog::default_logger();
    std::ostringstream said;
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
    std::string error;
    try {
      there = load_weights(files.config, tensors, nullptr, kRefKernels, Compute::f32, exec, wanted)
                  .mtp.has_value();
    } catch (const Error& e) {
      error = e.what();
    }
    spdlog::set_default_logger(log);
    return error + said.str();
  }
  const ModelFiles files_ = open_model(kTiny);
};

TEST_F(DamagedMtp, IsLeftOutWithASentenceOrRefusedByName) {
  const std::string at = names::layer(files_.config.num_hidden_layers).at;
  for (const auto& [tensor, kind] : {std::pair{"enorm.weight", "missing"},
                                     {"shared_head.norm.weight", "missing"},
                                     {"self_attn.o_proj.weight", "shape"},
                                     {"eh_proj.weight", "shape"},
                                     {"mlp.experts.3.up_proj.weight", "stored as"}}) {
    Renamed tensors(*files_.tensors);
    if (kind == std::string_view("missing")) tensors.remove(at + tensor);
    if (kind == std::string_view("shape")) tensors.at(at + tensor).shape[1] += 1;
    if (kind == std::string_view("stored as")) tensors.at(at + tensor).type = DType::i64;
    bool there = true;
    const std::string warned = load(tensors, LoadMtp::if_whole, there);
    EXPECT_FALSE(there);
    for (const char* part : {tensor, kind, "is left out"})
      EXPECT_NE(warned.find(part), std::string::npos) << warned;
    const std::string refused = load(tensors, LoadMtp::yes, there);
    for (const char* part : {tensor, kind}) EXPECT_NE(refused.find(part), std::string::npos) << refused;
    EXPECT_EQ(refused.find("left out"), std::string::npos);
    EXPECT_EQ(load(tensors, LoadMtp::no, there), "") << "nobody asked for it";
  }
}

TEST_F(DamagedMtp, CopiesOfEmbeddingAndHeadAreNotNeeded) {
  Renamed tensors(*files_.tensors);
  const std::string at = names::layer(files_.config.num_hidden_layers).at;
  tensors.remove(at + "embed_tokens.weight");
  tensors.remove(at + "shared_head.head.weight");
  bool there = false;
  EXPECT_EQ(load(tensors, LoadMtp::yes, there), "");
  EXPECT_TRUE(there);
}

}  // namespace
}  // namespace dsa
