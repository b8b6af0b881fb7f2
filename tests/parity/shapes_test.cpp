// One attention layer and one MoE layer at the published dimensions of DeepSeek-V3.2,
// against a float64 restatement in torch.  Weights come from a counter (tools/goldens/README.md, "shapes"),
// so nothing big is stored.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

#include "base/rng.h"
#include "model/attention.h"
#include "model/kv_cache.h"
#include "model/moe.h"
#include "model/rope_table.h"
#include "parity/harness.h"

namespace dsa::parity {
namespace {

constexpr std::uint64_t kSeed = 20251117;
constexpr std::int64_t kTokens = 4096;
constexpr std::int64_t kChunk = 128;

std::uint64_t fnv1a64(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

// Element i: offset + u(i) * 2^(exponent - 23), u a 24-bit integer around 0, the low 16
// bits of the float cleared.
struct Generator {
  CounterRng rng;
  float scale, offset;
  Generator(const std::string& name, int exponent, float shift)
      : rng(kSeed, fnv1a64(name)), scale(std::ldexp(1.0F, exponent - 23)), offset(shift) {}
  [[nodiscard]] std::uint16_t bits(std::int64_t i) const {
    const auto u = static_cast<std::int32_t>(rng.at(static_cast<std::uint64_t>(i)) >> 40) - (1 << 23);
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(offset + static_cast<float>(u) * scale) >>
                                      16);
  }
};

class Weights {
 public:
  explicit Weights(Exec& exec) : exec_(exec) {}

  Linear linear(const std::string& name, std::int64_t rows, std::int64_t cols, int exponent) {
    const Generator g(prefix(name) + ".weight", exponent, 0);
    auto& data = matrices_[name];
    if (data.empty()) {
      data.resize(static_cast<std::size_t>(rows * cols));
      exec_.parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin * cols; i < end * cols; ++i)
          data[static_cast<std::size_t>(i)] = g.bits(i);
      });
    }
    return {{.type = DType::bf16,
             .rows = rows,
             .cols = cols,
             .data = reinterpret_cast<const std::byte*>(data.data()),
             .row_bytes = static_cast<std::size_t>(cols) * 2},
            {}};
  }
  static std::vector<float> vector(const std::string& name, std::int64_t size, int exponent, float offset) {
    return floats(Generator(prefix(name), exponent, offset), size);
  }
  static std::vector<float> floats(const Generator& g, std::int64_t size) {
    std::vector<float> out(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i)
      out[static_cast<std::size_t>(i)] = std::bit_cast<float>(static_cast<std::uint32_t>(g.bits(i)) << 16);
    return out;
  }

 private:
  static std::string prefix(const std::string& name) { return "model.layers.3." + name; }
  Exec& exec_;
  std::map<std::string, std::vector<std::uint16_t>> matrices_;
};

ModelConfig published() {
  ModelConfig c;
  c.architecture = Architecture::deepseek_v32;
  c.model_type = "deepseek_v32";
  c.vocab_size = 129280;
  c.hidden_size = 7168;
  c.intermediate_size = 2048;  // no dense layer here: keep the scratch small
  c.num_hidden_layers = 1;
  c.num_attention_heads = c.num_key_value_heads = 128;
  c.max_position_embeddings = 163840;
  c.rope = {.type = RopeConfig::Type::yarn,
            .theta = 10000,
            .factor = 40,
            .original_max_position_embeddings = 4096,
            .mscale = 1,
            .mscale_all_dim = 1};
  c.mla = MlaConfig{.q_lora_rank = 1536,
                    .kv_lora_rank = 512,
                    .qk_nope_head_dim = 128,
                    .qk_rope_head_dim = 64,
                    .v_head_dim = 128};
  c.moe = MoeConfig{.n_routed_experts = 256,
                    .n_shared_experts = 1,
                    .num_experts_per_tok = 8,
                    .moe_intermediate_size = 2048,
                    .n_group = 8,
                    .topk_group = 4,
                    .routed_scaling_factor = 2.5};
  c.indexer =
      IndexerConfig{.n_heads = 64, .head_dim = 128, .rope_head_dim = 64, .topk = 2048, .full = {true}};
  return c;
}

LayerWeights attention_weights(Weights& make) {
  LayerWeights layer;
  const std::string a = "self_attn.";
  layer.mla = MlaWeights{.q_proj = {},
                         .q_a_proj = make.linear(a + "q_a_proj", 1536, 7168, -6),
                         .q_b_proj = make.linear(a + "q_b_proj", 24576, 1536, -4),
                         .kv_a_proj_with_mqa = make.linear(a + "kv_a_proj_with_mqa", 576, 7168, -6),
                         .kv_b_proj = make.linear(a + "kv_b_proj", 32768, 512, -4),
                         .q_a_layernorm = Weights::vector(a + "q_a_layernorm.weight", 1536, -1, 1),
                         .kv_a_layernorm = Weights::vector(a + "kv_a_layernorm.weight", 512, -1, 1)};
  layer.o_proj = make.linear(a + "o_proj", 7168, 16384, -6);
  layer.indexer = IndexerWeights{.wq = make.linear(a + "indexer.wq_b", 8192, 1536, -5),
                                 .wk = make.linear(a + "indexer.wk", 128, 7168, -6),
                                 .weights_proj = make.linear(a + "indexer.weights_proj", 64, 7168, -6),
                                 .k_norm = Weights::vector(a + "indexer.k_norm.weight", 128, -1, 1),
                                 .k_norm_bias = Weights::vector(a + "indexer.k_norm.bias", 128, -1, 0)};
  return layer;
}

// Everything a Step needs but the rows.
struct Bench {
  ModelConfig config = published();
  Exec exec{Exec::default_threads()};
  const KernelTable& kernels = choose_kernels();
  Activations act{config,
                  {.max_tokens = kChunk, .max_context = kTokens, .topk = 2048, .threads = exec.threads()}};
  ForwardHooks hooks;
  AttentionPlan plan;
  double indexer_ms = 0;

  // Rows of one sequence, in order.
  Step step(std::span<const KvRow> rows) {
    const std::vector<std::int32_t> tokens(rows.size());
    plan.clear();
    plan.add(
        {.tokens = tokens, .first_position = rows.front().visible - 1, .page_table = {}, .logits_rows = {}},
        selection_rule({}, config, config.indexer->topk), /*layers=*/1);
    plan.enter(0);
    return {.exec = exec,
            .kernels = kernels,
            .config = config,
            .act = act,
            .hooks = hooks,
            .plan = plan,
            .compute = Compute::f32,
            .n = static_cast<std::int64_t>(rows.size()),
            .rows = rows,
            .indexer_ms = indexer_ms};
  }
};

TEST(PublishedShapes, TheGeneratorIsThatOfTheGoldens) {
  const Generator x("x", 1, 0), norm("a.norm", -1, 1);
  EXPECT_EQ(x.bits(0), 0x3f41);
  EXPECT_EQ(x.bits(4), 0xbff7);
  EXPECT_EQ(norm.bits(3), 0x3f29);
}

// The golden's selection is what counts; ours may differ only where scores lie within
// 1e-5 of the row's range of the threshold.
void check_selection(std::span<const std::int32_t> own, std::span<const std::int32_t> wanted,
                     std::span<const float> scores, float threshold) {
  float low = INFINITY, high = -INFINITY;
  for (const float s : scores)
    if (s > -INFINITY) {
      low = std::min(low, s);
      high = std::max(high, s);
    }
  std::vector<std::int32_t> odd;
  std::ranges::set_symmetric_difference(own, wanted, std::back_inserter(odd));
  for (const auto position : odd)
    EXPECT_LE(std::fabs(scores[static_cast<std::size_t>(position)] - threshold), 1e-5F * (high - low))
        << "position " << position << " was chosen differently";
}

TEST(PublishedShapes, AttentionWithIndexer) {
  Bench bench;
  Weights make(bench.exec);
  const LayerWeights layer = attention_weights(make);
  const auto file = goldens() / "shapes" / "attention.safetensors";
  const auto rows = read_i32(file, "rows").values, columns = read_i32(file, "columns").values;
  const auto selected = read_i32(file, "selected");
  const auto scores = read_f32(file, "scores"), threshold = read_f32(file, "threshold"),
             want = read_f32(file, "output");

  const KvCache cache(bench.config, Compute::f32, kTokens / kPageTokens);
  const Attention attention(layer, cache.layer(0), 0);
  const RopeTable rope(bench.config.rope, 64, bench.config.max_position_embeddings);
  std::vector<std::int32_t> pages(kTokens / kPageTokens);
  std::iota(pages.begin(), pages.end(), 0);
  const Generator input("attention.x", 1, 0);

  std::int64_t first = 0;
  bench.hooks.selection = [&](std::int64_t, TensorView<std::int32_t, 2> idx, std::span<std::int32_t> count) {
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const std::int64_t t = rows[r] - first;
      if (t < 0 || t >= idx.rows()) continue;
      const auto row = selected.row(static_cast<std::int64_t>(r));
      const auto wanted = row.first(static_cast<std::size_t>(std::ranges::find(row, -1) - row.begin()));
      check_selection(idx.span(t).first(static_cast<std::size_t>(count[static_cast<std::size_t>(t)])), wanted,
                      scores.row(static_cast<std::int64_t>(r)), threshold.values[r]);
      std::ranges::copy(wanted, idx.row(t));
      count[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(wanted.size());
    }
  };
  Array<float> output{{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns.size())},
                      {}};
  for (; first < kTokens; first += kChunk) {
    std::vector<KvRow> kv_rows;
    std::vector<std::int64_t> positions;
    for (std::int64_t t = first; t < first + kChunk; ++t) {
      kv_rows.push_back({.pages = pages.data(), .visible = t + 1});
      positions.push_back(t);
      for (std::int64_t i = 0; i < bench.config.hidden_size; ++i)
        bench.act.h(t - first, i) = std::bit_cast<float>(
            static_cast<std::uint32_t>(input.bits(t * bench.config.hidden_size + i)) << 16);
    }
    rope.fill(positions, bench.act.cos_sin);
    rope.fill(positions, bench.act.index_cos_sin);
    const Step step = bench.step(kv_rows);
    attention.attend(step);
    attention.project_back(step);
    for (const auto row : rows)
      if (row >= first && row < first + kChunk)
        for (const auto column : columns) output.values.push_back(bench.act.delta(row - first, column));
  }
  const double worst = worst_difference(output, want);
  std::printf("published attention layer, %s: worst difference %.2e of the output's standard deviation\n",
              std::string(bench.kernels.name).c_str(), worst);
  EXPECT_LE(worst, 2e-4);
}

TEST(PublishedShapes, MixtureOf256Experts) {
  Bench bench;
  Weights make(bench.exec);
  const auto file = goldens() / "shapes" / "moe.safetensors";
  const auto columns = read_i32(file, "columns").values;
  const auto experts = read_i32(file, "experts");
  const auto weights_wanted = read_f32(file, "weights"), want = read_f32(file, "output");

  MoeWeights moe;
  moe.gate = make.linear("mlp.gate", 256, 7168, -6);
  moe.e_score_correction_bias = Weights::vector("mlp.gate.e_score_correction_bias", 256, -2, -1);
  const auto expert = [&](const std::string& name) {
    return MlpWeights{.gate_proj = make.linear(name + ".gate_proj", 2048, 7168, -6),
                      .up_proj = make.linear(name + ".up_proj", 2048, 7168, -6),
                      .down_proj = make.linear(name + ".down_proj", 7168, 2048, -5)};
  };
  for (int e = 0; e < 256; ++e) moe.experts.push_back(expert(fmt::format("mlp.experts.{}", e % 16)));
  moe.shared_experts = expert("mlp.shared_experts");

  const auto x = Weights::floats(Generator("moe.x", 1, 0), 32 * bench.config.hidden_size);
  std::ranges::copy(x, bench.act.h.data());
  bench.hooks.routing = [&](std::int64_t, TensorView<const float, 2>, TensorView<std::int32_t, 2> ids,
                            TensorView<float, 2> weights) {
    for (std::int64_t t = 0; t < ids.rows(); ++t) {
      EXPECT_TRUE(std::ranges::equal(ids.span(t), experts.row(t)))
          << "token " << t << " visits other experts";
      for (std::int64_t k = 0; k < ids.cols(); ++k)
        EXPECT_NEAR(weights(t, k), weights_wanted.row(t)[static_cast<std::size_t>(k)], 1e-5) << t << " " << k;
    }
  };
  const std::vector<KvRow> rows(32);
  const Step step = bench.step(rows);
  Moe(moe, 3).forward(step);
  Array<float> output{want.shape, {}};
  for (std::int64_t t = 0; t < 32; ++t)
    for (const auto column : columns) output.values.push_back(bench.act.delta(t, column));
  const double worst = worst_difference(output, want);
  std::printf("published MoE layer, %s: worst difference %.2e of the output's standard deviation\n",
              std::string(bench.kernels.name).c_str(), worst);
  EXPECT_LE(worst, 2e-4);
}

}  // namespace
}  // namespace dsa::parity
