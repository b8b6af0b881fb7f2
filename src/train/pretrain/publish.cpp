#include "train/pretrain/publish.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "checkpoint/config_write.h"
#include "train/loop/report.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/stages.h"
#include "train/warmup/publish.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;

// A config.json that says BF16, whatever the original's types were.
std::string config_text(const fs::path& config) {
  ModelFiles files;
  files.path = config.parent_path();
  return bf16_config_json(files);
}

const StepRecord* last_look(const TrainLog& log, std::string_view stage) {
  const auto found = std::find_if(log.records().rbegin(), log.records().rend(),
                                  [&](const StepRecord& r) { return r.held_out && r.stage == stage; });
  return found == log.records().rend() ? nullptr : &*found;
}

std::string figures(const PretrainSettings& settings, const TrainLog& log) {
  std::string out;
  const std::size_t stages = Recipe::parse(settings.stages).shares().size();
  for (std::size_t i = 0; i < stages; ++i) {
    const auto stage = name(static_cast<StageKind>(i));
    const StepRecord* r = last_look(log, stage);
    if (r == nullptr) continue;
    out += fmt::format("| {} | {} | {:.4f} |", stage, r->tokens, r->main->language_model);
    out += r->main->dense > 0 ? fmt::format(" {:.4f} |", r->main->dense) : " |";
    out += r->indexer.kl > 0 ? fmt::format(" {:.4f} |", r->indexer.kl) : " |";
    const auto& kept = r->indexer.kept;
    out += kept ? fmt::format(" {:.2f} of {:.2f} % |\n", 100 * kept->indexer, 100 * kept->best) : " |\n";
  }
  return out;
}

std::string model_card(const ModelConfig& c, std::size_t parameters, const PretrainCheckpoint& checkpoint,
                       const TrainLog& log) {
  std::string settings;
  for (const auto& [name, value] : settings_rows(checkpoint.settings))
    settings += fmt::format(" --{} {}", name, value);
  const MoeConfig& m = *c.moe;
  return fmt::format(
      "# A small model of DeepSeek-V3.2's architecture\n\n"
      "Trained from scratch by dsa.cpp, `dsa train model`: "
      "dense pre-training, the indexers' warm-up, then the sparse stage.\n"
      "A base model: it goes on with a text.  Curves: `report.html`.\n\n"
      "    dsa run THIS_FOLDER --raw -p \"Once upon a time\"\n\n"
      "| | |\n|---|---|\n"
      "| parameters | {:.2f} M (the prediction module's embedding and head are the main ones) |\n"
      "| layers | {}, {} of them with {} experts, {} chosen a token and {} shared; "
      "{} for multi-token prediction |\n"
      "| indexer | {} heads of {}, top-k {}, in every layer |\n"
      "| trained at a context of | {} tokens |\n"
      "| training text (SHA-256 over its documents' tokens) | `{}` |\n"
      "| tokens seen, steps, time | {}, {}, {:.1f} minutes |\n"
      "| settings | `{}` |\n\n"
      "Held-out text, at the end of each stage; losses in nats a token:\n\n"
      "| stage | at token | loss | attending to everything | KL of the indexers | "
      "attention kept, of the best possible |\n"
      "|---|---|---|---|---|---|\n{}\n"
      "The training text's licence is that of its sources.\n",
      static_cast<double>(parameters) / 1e6, c.num_hidden_layers,
      c.num_hidden_layers - m.first_k_dense_replace, m.n_routed_experts, m.num_experts_per_tok,
      m.n_shared_experts, c.num_nextn_predict_layers, c.indexer->n_heads, c.indexer->head_dim,
      c.indexer->topk, checkpoint.settings.context, checkpoint.identity.corpus, checkpoint.progress.tokens,
      checkpoint.progress.step, log.elapsed() / 60, settings.substr(1), figures(checkpoint.settings, log));
}

}  // namespace

void begin_pretrain_folder(const fs::path& folder, const ModelRecipe& recipe) {
  write_file(folder / "config.json", config_text(recipe.config));
  copy_files(recipe.tokenizer.parent_path(), folder, kTokenizerFiles);
}

std::string config_hash(const fs::path& config) {
  Sha256 hash;
  const std::string text = config_text(config);
  hash.add(std::as_bytes(std::span(text)));
  return hash.hex();
}

void write_pretrained_weights(const fs::path& folder, const ModelConfig& config, const FlatTensors& weights,
                              IndexerTensors& indexer) {
  RoundedTensors tensors(RoundedTensors::Vectors::bf16);
  for (const auto& entry : weights.entries())
    if (entry.name.ends_with("e_score_correction_bias"))
      tensors.add_exact(entry.name, entry.shape, weights.of(entry));
    else
      tensors.add(entry.name, entry.shape, weights.of(entry));
  for (const TensorCopy& copy : published_twice(config)) {
    const auto& entry = *weights.find(copy.of);
    tensors.add(copy.name, entry.shape, weights.of(entry));
  }
  indexer.for_each([&](const std::string& name, const std::vector<std::int64_t>& shape,
                       std::span<float> values) { tensors.add(name, shape, values); });
  write_safetensors(folder / "model.safetensors", tensors.list(), {{"format", "pt"}});
}

void publish_pretrained_model(const fs::path& folder, const ModelConfig& config, const FlatTensors& weights,
                              PretrainCheckpoint& checkpoint, const TrainLog& log) {
  write_pretrained_weights(folder, config, weights, checkpoint.indexer);
  write_file(
      folder / "README.md",
      model_card(config, weights.values().size() + checkpoint.indexer.values().size(), checkpoint, log));
}

}  // namespace dsa::train
