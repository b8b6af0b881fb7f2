#include "train/warmup/publish.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/present.h"
#include "checkpoint/indexer_folder_write.h"

namespace dsa::train {
namespace {

std::string figures(const TrainLog& log) {
  const auto last_where = [&](auto&& wanted) -> const StepRecord* {
    const auto found = std::find_if(log.records().rbegin(), log.records().rend(), wanted);
    return found == log.records().rend() ? nullptr : &*found;
  };
  std::string out;
  const auto row = [&](const char* what, const StepRecord* r) {
    if (r == nullptr) return;
    out += fmt::format("| {} | {} | {} | {:.4f} |", what, r->tokens, r->context, r->indexer.kl);
    if (const auto& kept = r->indexer.kept)
      out += fmt::format(" {:.2f} % | {:.2f} % | {:.2f} % |\n", 100 * kept->indexer, 100 * kept->best,
                         100 * kept->worst_layer);
    else
      out += " | | |\n";
  };
  row("training", last_where([](const StepRecord& r) { return !r.held_out && r.indexer.kept; }));
  row("held-out text", last_where([](const StepRecord& r) { return r.held_out; }));
  return out;
}

std::string model_card(const ModelFiles& model, const WarmupCheckpoint& c, std::int64_t trained_context,
                       const TrainLog& log) {
  const IndexerShape& shape = c.parameters.shape();
  std::string settings;
  for_each_setting(c.settings, [&](const char* name, const auto& value) {
    settings += fmt::format(" --{} {}", name, value);
  });
  return fmt::format(
      "# A lightning indexer for {0}\n\n"
      "Lets {0} attend to {1} selected tokens instead of all of them (DeepSeek Sparse Attention). "
      "Made by dsa.cpp, `dsa train indexer`;\n"
      "the base model's weights were not touched. Report with curves: `report.html`.\n\n"
      "    dsa chat MODEL --indexer THIS_FOLDER\n\n"
      "| | |\n|---|---|\n"
      "| base model's fingerprint | `{2}` |\n"
      "| indexer | {3} heads of {4}, {5} of them rotated, in each of {6} layers: {7:.2f} M parameters |\n"
      "| trained at contexts up to | {8} tokens |\n"
      "| training text (SHA-256 over its documents' tokens) | `{9}` |\n"
      "| tokens seen, steps, time | {10}, {11}, {12:.1f} minutes |\n"
      "| settings | `{13}` |\n\n"
      "| | at token | context | KL, nats | attention kept | best possible | worst layer, of its best |\n"
      "|---|---|---|---|---|---|---|\n{14}\n"
      "KL and the attention kept are means over layers and sampled queries; "
      "attention kept is the share of the target's mass that the\n"
      "selection holds. A training row is measured before its step on text not seen until then, "
      "unless the text was gone through more than once.\n\n"
      "Licence: that of the base model.\n",
      printable(model.path.stem().string()), c.settings.topk, c.identity.model, shape.heads, shape.dim,
      shape.rope_dim, shape.layers, static_cast<double>(shape.size()) / 1e6, trained_context,
      c.identity.corpus, c.progress.tokens, c.progress.step, log.elapsed() / 60,
      settings.empty() ? settings : settings.substr(1), figures(log));
}

}  // namespace

void RoundedTensors::add(const std::string& name, const std::vector<std::int64_t>& shape,
                         std::span<const float> values) {
  if (shape.size() == 1 && vectors_ == Vectors::f32) return add_exact(name, shape, values);
  auto& copy = rounded_.emplace_back(values.size());
  std::ranges::transform(values, copy.begin(), [](float x) { return bf16(x); });
  list_.push_back({name, DType::bf16, shape, std::as_bytes(std::span(copy))});
}

void RoundedTensors::add_exact(const std::string& name, const std::vector<std::int64_t>& shape,
                               std::span<const float> values) {
  list_.push_back({name, DType::f32, shape, std::as_bytes(values)});
}

void copy_files(const std::filesystem::path& from, const std::filesystem::path& to,
                std::span<const char* const> names) {
  for (const char* name : names) {
    if (!present(from / name)) continue;
    const MappedFile file(from / name);
    write_file(to / name, {reinterpret_cast<const char*>(file.bytes().data()), file.size()});
  }
}

void write_indexer(const std::filesystem::path& folder, const PublishedIndexer& indexer) {
  RoundedTensors tensors(RoundedTensors::Vectors::f32);
  indexer.parameters.for_each([&](const std::string& name, const std::vector<std::int64_t>& shape,
                                  std::span<float> values) { tensors.add(name, shape, values); });
  const IndexerShape& shape = indexer.parameters.shape();
  write_indexer_folder(folder, {.model = indexer.model,
                                .fingerprint = indexer.fingerprint,
                                .config = {.n_heads = shape.heads,
                                           .head_dim = shape.dim,
                                           .rope_head_dim = shape.rope_dim,
                                           .topk = indexer.topk,
                                           .layer_topk = indexer.layer_topk,
                                           .k_norm_eps = shape.k_norm_eps,
                                           .trained_context = indexer.trained_context,
                                           .full = {}},
                                .tensors = tensors.list()});
}

void publish_indexer(const std::filesystem::path& folder, const ModelFiles& model,
                     WarmupCheckpoint& checkpoint, std::int64_t trained_context, const TrainLog& log) {
  write_indexer(folder, {.model = model.config,
                         .fingerprint = checkpoint.identity.model,
                         .topk = checkpoint.settings.topk,
                         .layer_topk = {},
                         .trained_context = trained_context,
                         .parameters = checkpoint.parameters});
  write_file(folder / "README.md", model_card(model, checkpoint, trained_context, log));
}

}  // namespace dsa::train
