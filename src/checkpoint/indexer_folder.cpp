#include "checkpoint/indexer_folder.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/numeric.h"
#include "base/present.h"
#include "base/who.h"
#include "checkpoint/config_reader.h"
#include "checkpoint/config_topk.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/tensor_names.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

IndexerBaseModel read_base_model(const nlohmann::json& value, const std::string& who) {
  ConfigReader reader(value, who + ": base_model");
  IndexerBaseModel base;
  base.architecture = reader.string("architecture", "");
  base.hidden_size = reader.integer("hidden_size");
  base.num_hidden_layers = reader.integer("num_hidden_layers");
  base.num_attention_heads = reader.integer("num_attention_heads");
  base.num_key_value_heads = reader.integer("num_key_value_heads");
  base.head_dim = reader.integer("head_dim");
  base.vocab_size = reader.integer("vocab_size");
  base.fingerprint = reader.string("fingerprint", "");
  if (!is_digest(base.fingerprint))
    fail("{}: fingerprint is \"{}\", expected 64 hex digits", reader.who(), printable(base.fingerprint));
  reader.ignore({"name", "source", "revision"});
  reader.warn_about_the_rest();
  return base;
}

void read_config(std::string_view text, const std::string& who, IndexerFolder& out) {
  const auto root =
      parse_json(text, who, {.max_bytes = std::size_t{1} << 20, .max_depth = 16, .max_values = 10'000});
  ConfigReader reader(root, who);
  if (const auto type = reader.string("model_type", ""); type != kIndexerModelType)
    fail("{}: model_type is \"{}\", expected \"{}\"", who, printable(type), kIndexerModelType);
  if (const auto version = reader.integer("format_version"); version != kIndexerFormat)
    fail("{}: format_version is {}, this dsa reads {}", who, version, kIndexerFormat);
  const auto* base = reader.find("base_model");
  if (base == nullptr) fail("{}: base_model is missing", who);
  out.base_model = read_base_model(*base, who);
  IndexerConfig& config = out.config;
  config.n_heads = reader.integer("index_n_heads");
  config.head_dim = reader.integer("index_head_dim");
  config.rope_head_dim = reader.integer("index_rope_head_dim");
  read_index_topk(reader, out.base_model.num_hidden_layers, config);
  config.k_norm_eps = reader.number("k_norm_eps", config.k_norm_eps);
  config.trained_context = reader.integer("trained_context");
  if (config.trained_context < 1) fail("{}: trained_context is 0, expected at least 1", who);
  reader.ignore({"architectures", "dtype", "torch_dtype", "dsa_version", "license"});
  reader.warn_about_the_rest();
}

// Every layer's five tensors, and nothing else.
void check_tensors(const IndexerFolder& folder, const std::string& who) {
  const IndexerConfig& c = folder.config;
  const std::int64_t hidden = folder.base_model.hidden_size, layers = folder.base_model.num_hidden_layers;
  const auto check = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    const StoredTensor* tensor = folder.tensors->find(name);
    if (tensor == nullptr) fail("{}: tensor {} is missing", who, name);
    if (tensor->shape != shape) fail("{}: {} has shape {}, expected {}", who, name, tensor->shape, shape);
    if (tensor->type != DType::f32 && tensor->type != DType::bf16)
      fail("{}: {} is stored as {}, expected BF16 or F32", who, name, dsa::name(tensor->type));
  };
  std::size_t count = 0;
  folder.tensors->for_each([&](std::string_view, const StoredTensor&) { ++count; });
  for (std::int64_t i = 0; i < layers; ++i) {
    const tensor_names::Indexer name = tensor_names::layer(i).indexer;
    check(tensor_names::weight(name.wq), {c.n_heads * c.head_dim, hidden});
    check(tensor_names::weight(name.wk), {c.head_dim, hidden});
    check(tensor_names::weight(name.weights_proj), {c.n_heads, hidden});
    check(tensor_names::weight(name.k_norm), {c.head_dim});
    check(tensor_names::bias(name.k_norm), {c.head_dim});
  }
  const std::size_t needed = 5 * usize(layers);
  if (count != needed) fail("{}: holds {} tensors, expected {}", who, count, needed);
}

// A model's tensors and, after them, its indexer's.
class WithIndexer final : public TensorSource {
 public:
  WithIndexer(std::unique_ptr<TensorSource> model, std::unique_ptr<TensorSource> indexer)
      : model_(std::move(model)), indexer_(std::move(indexer)) {}

  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    const StoredTensor* found = model_->find(name);
    return found != nullptr ? found : indexer_->find(name);
  }
  void for_each(const std::function<void(std::string_view, const StoredTensor&)>& visit) const override {
    model_->for_each(visit);
    indexer_->for_each(visit);
  }
  [[nodiscard]] std::vector<std::string> changed_files() const override {
    auto changed = model_->changed_files();
    for (auto& file : indexer_->changed_files()) changed.push_back(std::move(file));
    return changed;
  }

 private:
  std::unique_ptr<TensorSource> model_, indexer_;
};

}  // namespace

void attach_own_indexer(ModelFiles& model) {
  const fs::path folder = model.path / kOwnIndexerFolder;
  if (!present(folder / kIndexerConfigFile)) return;
  IndexerFolder indexer = open_indexer_folder(folder);
  check_indexer_fits(indexer, model, FingerprintCheck::enforce);
  model.config.indexer = std::move(indexer.config);
  model.tensors = std::make_unique<WithIndexer>(std::move(model.tensors), std::move(indexer.tensors));
}

IndexerFolder open_indexer_folder(const fs::path& folder) {
  IndexerFolder out;
  out.path = folder;
  const MappedFile file(folder / kIndexerConfigFile);
  const std::string who = dsa::who(file.path());
  read_config({reinterpret_cast<const char*>(file.bytes().data()), file.size()}, who, out);
  validate_indexer(out.config, who);
  const fs::path weights = folder / kIndexerWeightsFile;
  out.tensors = open_safetensors(weights);
  check_tensors(out, dsa::who(weights));
  out.config.full.assign(usize(out.base_model.num_hidden_layers), true);
  return out;
}

void check_indexer_fits(const IndexerFolder& indexer, const ModelFiles& model, FingerprintCheck check) {
  const std::string who = dsa::who(indexer.path), other = dsa::who(model.path);
  const ModelConfig& c = model.config;
  if (c.mla) fail("{}: {} has latent attention: its indexer belongs into its own checkpoint", who, other);
  const auto same = [&](std::string_view what, std::int64_t trained, std::int64_t actual) {
    if (trained != actual)
      fail("{}: was trained for a model with {} {}, {} has {}", who, what, trained, other, actual);
  };
  const IndexerBaseModel& base = indexer.base_model;
  same("hidden_size", base.hidden_size, c.hidden_size);
  same("num_hidden_layers", base.num_hidden_layers, c.num_hidden_layers);
  same("num_attention_heads", base.num_attention_heads, c.num_attention_heads);
  same("num_key_value_heads", base.num_key_value_heads, c.num_key_value_heads);
  same("head_dim", base.head_dim, c.head_dim);
  if (check == FingerprintCheck::skip) return;
  if (const std::string actual = fingerprint(*model.tensors, c); actual != base.fingerprint)
    fail("{}: was trained for the model with fingerprint {}, {} has {}; `force_indexer` uses it all the same",
         who, base.fingerprint, other, actual);
}

}  // namespace dsa
