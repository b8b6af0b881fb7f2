#include "cli/model_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "chat/chat_format.h"
#include "kernels/registry.h"
#include "model/kv_cache.h"
#include "model/load_sizes.h"
#include "model/weights.h"
#include "tokenizer/tokenizer.h"

namespace dsa::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string scaled(double value, double step, std::span<const std::string_view> units,
                   std::string_view space) {
  std::size_t unit = 0;
  while (value >= step && unit + 1 < units.size()) value /= step, ++unit;
  return unit == 0 ? fmt::format("{:.0f}{}{}", value, space, units[0])
                   : fmt::format("{:.1f}{}{}", value, space, units[unit]);
}

void count_tensors(const TensorSource& tensors, ModelReport& out) {
  std::map<DType, TypeTotal> totals;
  tensors.for_each([&](std::string_view name, const StoredTensor& tensor) {
    TypeTotal& total = totals[tensor.type];
    total.type = dsa::name(tensor.type);
    std::int64_t elements = 1;  // the checkpoint reader has checked that the product fits
    for (const auto d : tensor.shape) elements *= d;
    total.tensors += 1;
    total.elements += elements;
    total.bytes += static_cast<std::int64_t>(tensor.bytes.size());
    if (!name.ends_with("weight_scale_inv")) out.parameters += elements;
  });
  for (auto& [type, total] : totals) {
    out.bytes += total.bytes;
    out.types.push_back(std::move(total));
  }
  std::ranges::sort(out.types, std::ranges::greater{}, &TypeTotal::bytes);
}

// Names of the ops whose function is the reference's own.
std::vector<std::string> borrowed_ops(const KernelTable& t) {
  std::vector<std::string> out;
  if (&t == &kRefKernels) return out;
  for_each_op([&](std::string_view op, auto member) {
    if (t.*member == kRefKernels.*member) out.emplace_back(op);
  });
  return out;
}

std::string describe_attention(const ModelConfig& c) {
  if (c.mla)
    return fmt::format("MLA, {} heads, latent {} + rope {}, q latent {}, value {}", c.num_attention_heads,
                       c.mla->kv_lora_rank, c.mla->qk_rope_head_dim, c.mla->q_lora_rank, c.mla->v_head_dim);
  return fmt::format("GQA, {} heads, {} KV heads, head size {}", c.num_attention_heads, c.num_key_value_heads,
                     c.head_dim);
}

std::string describe_moe(const ModelConfig& c) {
  if (!c.moe) return "none";
  return fmt::format("{} routed experts, {} a token, {} shared, size {}, the first {} layers dense",
                     c.moe->n_routed_experts, c.moe->num_experts_per_tok, c.moe->n_shared_experts,
                     c.moe->moe_intermediate_size, c.moe->first_k_dense_replace);
}

std::string describe_topk(const IndexerConfig& indexer) {
  if (indexer.layer_topk.uniform()) return fmt::to_string(indexer.topk);
  return fmt::format("{} on average ({})", indexer.topk, fmt::join(indexer.layer_topk.list(), " "));
}

std::string describe_indexer(const ModelConfig& c) {
  if (!c.indexer) return "none: attention is dense";
  const auto own = std::ranges::count(c.indexer->full, true);
  return fmt::format("{} heads of {}, top-k {}, in {} of {} layers", c.indexer->n_heads, c.indexer->head_dim,
                     describe_topk(*c.indexer), c.indexer->full.empty() ? c.num_hidden_layers : own,
                     c.num_hidden_layers);
}

}  // namespace

std::string human_count(std::int64_t count) {
  constexpr std::array<std::string_view, 5> kUnits{"", "K", "M", "B", "T"};
  return scaled(static_cast<double>(count), 1000, kUnits, "");
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  return scaled(static_cast<double>(bytes), 1024, kUnits, " ");
}

ModelReport report(const OpenedModel& opened) {
  const ModelFiles& files = opened.files;
  ModelReport out;
  out.indexer_folder = opened.indexer_folder.string();
  out.path = files.path.string();
  out.format = files.format == ModelFiles::Format::gguf ? "GGUF" : "Hugging Face";
  out.architecture = files.config.model_type;
  out.config = files.config;
  count_tensors(*files.tensors, out);
  out.cache_bytes = static_cast<std::int64_t>(kv_token_bytes(files.config, Compute::automatic));
  out.cache_bytes_f32 = static_cast<std::int64_t>(kv_token_bytes(files.config, Compute::f32));
  out.rows = load_sizes(files.config, {}, Exec::default_threads()).rows;
  for (const KernelTable* table : all_kernels())
    out.kernels.push_back({.name = std::string(table->name),
                           .refused = table->refuse().value_or(""),
                           .borrowed = borrowed_ops(*table)});
  out.chosen_kernels = choose_kernels().name;
  out.kernels_reason = why_chosen();
  try {
    check_weights(files.config, *files.tensors, opened.indexer_tensors.get());
  } catch (const Error& error) {
    out.problem = error.what();
  }
  // A folder of weights alone is worth inspecting too: what is missing is said, and no failure.
  try {
    const Tokenizer tokenizer = open_tokenizer(files);
    out.tokenizer = fmt::format("{}, {} tokens", tokenizer.pre_tokenizer(), tokenizer.vocab_size());
    out.chat_format = ChatFormat::find(tokenizer.chat_template(), files.config.architecture).name();
  } catch (const Error& error) {
    (out.tokenizer.empty() ? out.tokenizer : out.chat_format) = fmt::format("none: {}", error.what());
  }
  return out;
}

Json to_json(const ModelReport& r) {
  const ModelConfig& c = r.config;
  Json types = Json::object();
  for (const auto& t : r.types)
    types[t.type] = {{"tensors", t.tensors}, {"elements", t.elements}, {"bytes", t.bytes}};
  Json families = Json::array();
  for (const auto& k : r.kernels)
    families.push_back({{"name", k.name},
                        {"runs", k.refused.empty()},
                        {"reason", k.refused.empty() ? Json() : Json(k.refused)},
                        {"reference_ops", k.borrowed}});
  Json indexer;
  if (c.indexer)
    indexer = {{"heads", c.indexer->n_heads},
               {"head_dim", c.indexer->head_dim},
               {"topk", c.indexer->topk},
               {"topk_layers", c.indexer->layer_topk.uniform() ? Json() : Json(c.indexer->layer_topk.list())},
               {"folder", r.indexer_folder.empty() ? Json() : Json(r.indexer_folder)}};
  return {{"model", r.path},
          {"format", r.format},
          {"architecture", r.architecture},
          {"parameters", r.parameters},
          {"bytes", r.bytes},
          {"tensor_types", types},
          {"layers", c.num_hidden_layers},
          {"hidden_size", c.hidden_size},
          {"vocab_size", c.vocab_size},
          {"context", c.max_position_embeddings},
          {"attention", describe_attention(c)},
          {"mtp_layers", c.num_nextn_predict_layers},
          {"moe", describe_moe(c)},
          {"indexer", indexer},
          {"cache_bytes_per_token", r.cache_bytes},
          {"cache_bytes_per_token_f32", r.cache_bytes_f32},
          {"rows_a_pass", r.rows},
          {"tokenizer", r.tokenizer},
          {"chat_format", r.chat_format},
          {"problem", r.problem.empty() ? Json() : Json(r.problem)},
          {"kernels", {{"chosen", r.chosen_kernels}, {"reason", r.kernels_reason}, {"families", families}}}};
}

std::string to_text(const ModelReport& r) {
  const ModelConfig& c = r.config;
  std::string out;
  const auto line = [&](std::string_view what, const std::string& value) {
    out += fmt::format("{:<14}{}\n", what, value);
  };
  line("model", printable(r.path, 4096));
  line("format", r.format);
  line("architecture", r.architecture);
  line("parameters", fmt::format("{} ({})", human_count(r.parameters), r.parameters));
  line("weights", fmt::format("{} ({} bytes)", human_bytes(r.bytes), r.bytes));
  for (const auto& t : r.types)
    line("", fmt::format("{:<8} {:>6} tensors {:>8} elements {:>10}", t.type, t.tensors,
                         human_count(t.elements), human_bytes(t.bytes)));
  line("layers", fmt::format("{}{}, hidden size {}, MLP size {}", c.num_hidden_layers,
                             c.num_nextn_predict_layers > 0
                                 ? fmt::format(" + {} for multi-token prediction", c.num_nextn_predict_layers)
                                 : "",
                             c.hidden_size, c.intermediate_size));
  line("attention", describe_attention(c));
  line("indexer", describe_indexer(c));
  if (!r.indexer_folder.empty()) line("", "from " + printable(r.indexer_folder, 4096));
  line("experts", describe_moe(c));
  line("vocabulary",
       fmt::format("{}{}", c.vocab_size, c.tie_word_embeddings ? ", output tied to the embedding" : ""));
  line("tokenizer", r.tokenizer);
  if (!r.chat_format.empty()) line("chat format", r.chat_format);
  line("context", fmt::format("{} tokens", c.max_position_embeddings));
  line("cache",
       fmt::format("{} bytes a token, {} for the whole context (--compute f32: {} bytes a token)",
                   r.cache_bytes, human_bytes(r.cache_bytes * c.max_position_embeddings), r.cache_bytes_f32));
  line("pass", fmt::format("{} tokens at most", r.rows));
  for (const auto& k : r.kernels) {
    const bool chosen = k.name == r.chosen_kernels && r.problem.empty();
    std::string state = !k.refused.empty() ? "cannot run here: " + k.refused
                        : chosen           ? "will run: " + r.kernels_reason
                                           : "could run";
    if (!k.borrowed.empty())
      state += fmt::format("; leaves to the reference: {}", fmt::join(k.borrowed, ", "));
    line("kernels", fmt::format("{:<8} {}", k.name, state));
  }
  if (!r.problem.empty()) line("problem", r.problem);
  return out;
}

}  // namespace dsa::cli
