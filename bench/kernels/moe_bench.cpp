// The mixture of experts of one V3.2 layer as the model runs it: router,
// 8 of 256 experts, the shared one; FP8.
#include "model/moe.h"

#include <algorithm>
#include <cstring>

#include "checkpoint/config_json.h"
#include "support.h"
#include "testing/sparse_v32.h"

namespace dsa::bench {
namespace {

// 256 experts share the memory of fewer: a step reads 8 different ones and comes back to one long after it
// has left the cache.
constexpr std::int64_t kDistinct = 24;
constexpr std::size_t kInputs = 8;

class MoeLayer {
 public:
  explicit MoeLayer(std::int64_t rows)
      : config_(parse_hf_config(v32_config({.layers = 1, .dense_layers = 0, .mtp = false}), "V3.2").config),
        moe_(*config_.moe),
        up_(DType::f8_e4m3, config_.hidden_size, moe_.moe_intermediate_size, 2 * kDistinct + 2),
        down_(DType::f8_e4m3, moe_.moe_intermediate_size, config_.hidden_size, kDistinct + 1),
        router_(DType::bf16, config_.hidden_size, moe_.n_routed_experts, 1),
        act_(config_, {.max_tokens = rows, .max_context = rows, .topk = 1, .threads = team().threads()}),
        kv_rows_(static_cast<std::size_t>(rows)),
        inputs_(noise(static_cast<std::int64_t>(kInputs) * rows * config_.hidden_size)) {
    weights_.gate.weight = router_.at(0);
    weights_.e_score_correction_bias = noise(moe_.n_routed_experts);
    for (std::int64_t e = 0; e < moe_.n_routed_experts; ++e)
      weights_.experts.push_back(expert(e % kDistinct));
    weights_.shared_experts = expert(kDistinct);
  }

  /// New rows: other experts.
  void step() {
    const auto rows = static_cast<std::int64_t>(kv_rows_.size());
    const auto size = static_cast<std::size_t>(rows * config_.hidden_size);
    std::memcpy(act_.h.data(), inputs_.data() + turn_++ % kInputs * size, size * sizeof(float));
    Moe(weights_, 0)
        .forward({.exec = team(),
                  .kernels = choose_kernels(),
                  .config = config_,
                  .act = act_,
                  .hooks = hooks_,
                  .plan = plan_,
                  .compute = Compute::automatic,
                  .n = rows,
                  .rows = kv_rows_,
                  .indexer_ms = indexer_ms_});
  }

  [[nodiscard]] Cost cost() const {
    const auto rows = static_cast<double>(kv_rows_.size());
    const auto chosen = rows * static_cast<double>(moe_.num_experts_per_tok);
    const double read = std::min(chosen, static_cast<double>(moe_.n_routed_experts)) + 1;
    const double each = 2 * up_.bytes() + down_.bytes();  // one byte a weight
    return {.bytes = read * each + router_.bytes(),
            .bf16_ops = 2 * ((chosen + rows) * each + rows * router_.bytes() / sizeof(bf16))};
  }

 private:
  [[nodiscard]] MlpWeights expert(std::int64_t i) const {
    MlpWeights w;
    w.gate_proj.weight = up_.at(2 * i);
    w.up_proj.weight = up_.at(2 * i + 1);
    w.down_proj.weight = down_.at(i);
    return w;
  }

  ModelConfig config_;
  MoeConfig moe_;
  Matrices up_, down_, router_;
  MoeWeights weights_;
  Activations act_;
  ForwardHooks hooks_;
  AttentionPlan plan_;
  std::vector<KvRow> kv_rows_;
  std::vector<float> inputs_;
  double indexer_ms_ = 0;
  std::size_t turn_ = 0;
};

void moe(benchmark::State& state, std::int64_t rows) {
  MoeLayer layer(rows);
  run_and_report(state, layer.cost(), [&] { layer.step(); });
}

DSA_BENCH("moe/V3.2 8 of 256 FP8 experts decode", moe, 1);
DSA_BENCH("moe/V3.2 8 of 256 FP8 experts prefill 64", moe, 64);

}  // namespace
}  // namespace dsa::bench
