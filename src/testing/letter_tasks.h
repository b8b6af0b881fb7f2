// A domain small enough to be learnt in seconds, and a model for it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/rng.h"
#include "checkpoint/config_json.h"
#include "rl/tasks/domain.h"
#include "rl/train/training_base.h"
#include "testing/chat_tokenizer.h"
#include "testing/test_files.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"

namespace dsa::test {

/// Of "0" the right letter is b, of "1" d, of "2" a, of "3" c.  Its solutions are one of the four by chance:
/// who has learnt them is right a quarter of the time.  From difficulty 1 on a tool says the digit, when it
/// is asked with "?".
class LetterTask final : public rl::Task {
 public:
  LetterTask(const rl::TaskId& id, int digit)
      : Task(id, id.difficulty == 0 ? std::string(1, static_cast<char>('0' + digit)) : "ask"),
        digit_(digit) {}

  [[nodiscard]] std::unique_ptr<rl::Episode> begin() const override {
    class Run final : public rl::Episode {
     public:
      Run(char digit, char right, bool tool) : digit_(digit), right_(right), tool_(tool) {}
      std::optional<std::string> reply(std::string_view message) override {
        if (std::exchange(tool_, false)) return message == "?" ? std::string(1, digit_) : "no";
        over_ = true;
        solved_ = message == std::string_view(&right_, 1);
        return std::nullopt;
      }
      [[nodiscard]] rl::Score score() const override {
        return {.value = over_ && solved_ ? 1.0 : 0.0, .reason = solved_ ? "right" : "wrong"};
      }

     private:
      char digit_, right_;
      bool tool_, over_ = false, solved_ = false;
    };
    return std::make_unique<Run>(static_cast<char>('0' + digit_), "bdac"[digit_], id().difficulty > 0);
  }
  [[nodiscard]] std::vector<std::string> solution(rl::Style) const override {
    const auto any = CounterRng(17).at(static_cast<std::uint64_t>(id().number)) % 4;
    std::vector<std::string> out;
    if (id().difficulty > 0) out.emplace_back("?");
    out.emplace_back(1, "abcd"[any]);
    return out;
  }

 private:
  int digit_;
};

inline const rl::Domain kLetters{
    .name = "letters",
    .summary = "a letter for a digit",
    .instruction = "",
    .make = [](const rl::TaskId& id) {
      const auto digit = CounterRng(id.seed, 5).at(static_cast<std::uint64_t>(id.number)) % 4;
      return std::unique_ptr<const rl::Task>(std::make_unique<LetterTask>(id, static_cast<int>(digit)));
    }};

/// A folder with a model of random weights for it: an indexer, a layer with experts, top-k 8.
struct LetterModel {
  static constexpr const char* kConfig = R"({"model_type": "deepseek_v32", "vocab_size": 260,
    "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 16, "num_hidden_layers": 2,
    "first_k_dense_replace": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 16,
    "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8, "index_n_heads": 2,
    "index_head_dim": 16, "index_topk": 4, "n_routed_experts": 4, "n_shared_experts": 1,
    "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "norm_topk_prob": true,
    "routed_scaling_factor": 1.0, "num_nextn_predict_layers": 1, "max_position_embeddings": 64,
    "rope_theta": 100, "rms_norm_eps": 1e-6, "tie_word_embeddings": false, "hidden_act": "silu"})";

  TempFolder folder;
  Tokenizer tokenizer{chat_tokenizer_spec()};
  Exec exec{1};
  ModelFiles base;
  rl::DomainShare domains[1] = {{.domain = &kLetters}};

  LetterModel() {
    folder.write("config.json", kConfig);
    folder.write("tokenizer.json", "{}");  // copied, never read
    const ModelConfig config = read_hf_config(folder.path()).config;
    train::FlatTensors weights = train::mla_weights(config);
    train::initialize(weights, config, 1);
    train::IndexerTensors indexer(train::mla_indexer_shape(config));
    train::initialize(indexer, 1);
    train::write_pretrained_weights(folder.path(), config, weights, indexer);
    base = open_model(folder.path());
  }
  [[nodiscard]] rl::TrainingContext context(const std::filesystem::path& out) {
    return {.base = base, .tokenizer = tokenizer, .exec = exec, .domains = domains, .folder = out};
  }
};

}  // namespace dsa::test
