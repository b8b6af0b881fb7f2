#include "train/checkpoint.h"

#include <cstring>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_write.h"

namespace dsa::train {
namespace {

constexpr const char* kKey = "dsa_train";
constexpr std::int64_t kFormatVersion = 1;
constexpr const char* kMoments[] = {"optimizer.exp_avg", "optimizer.exp_avg_sq"};

nlohmann::json to_json(const IndexerShape& s) {
  return {{"layers", s.layers}, {"hidden", s.hidden},     {"heads", s.heads},
          {"dim", s.dim},       {"rope_dim", s.rope_dim}, {"k_norm_eps", s.k_norm_eps}};
}
IndexerShape shape_from_json(const nlohmann::json& j) {
  return {.layers = j.at("layers"),
          .hidden = j.at("hidden"),
          .heads = j.at("heads"),
          .dim = j.at("dim"),
          .rope_dim = j.at("rope_dim"),
          .k_norm_eps = j.at("k_norm_eps")};
}

nlohmann::json to_json(const Progress& p) {
  return {{"step", p.step},     {"tokens", p.tokens}, {"stage", p.stage}, {"stage_step", p.stage_step},
          {"budget", p.budget}, {"hours", p.hours}};
}
Progress progress_from_json(const nlohmann::json& j) {
  return {.step = j.at("step"),
          .tokens = j.at("tokens"),
          .stage = j.at("stage"),
          .stage_step = j.at("stage_step"),
          .budget = j.at("budget"),
          .hours = j.at("hours")};
}

/// A file's tensors by name.
class FileTensors final : public TensorSource {
 public:
  explicit FileTensors(const SafetensorsFile& file) {
    for (const NamedTensor& t : file.tensors()) tensors_.emplace(t.name, &t.tensor);
  }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : found->second;
  }
  void for_each(const std::function<void(std::string_view, const StoredTensor&)>& visit) const override {
    for (const auto& [name, tensor] : tensors_) visit(name, *tensor);
  }

 private:
  std::map<std::string, const StoredTensor*, std::less<>> tensors_;
};

std::vector<float> read_moment(const TensorSource& tensors, const char* name, std::int64_t size,
                               std::string_view who) {
  const StoredTensor* stored = tensors.find(name);
  if (stored == nullptr || stored->type != DType::f32 || stored->shape != std::vector{size})
    fail("{}: {} is missing or has another size than the parameters ({})", who, name, size);
  std::vector<float> values(static_cast<std::size_t>(size));
  std::memcpy(values.data(), stored->bytes.data(), stored->bytes.size());
  return values;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, Checkpoint& c) {
  std::vector<TensorToWrite> tensors;
  c.parameters.for_each(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        tensors.push_back({name, DType::f32, shape, std::as_bytes(values)});
      });
  const std::vector<float>* moments[] = {&c.first_moment, &c.second_moment};
  for (std::size_t i = 0; i < 2; ++i)
    if (!moments[i]->empty())
      tensors.push_back({kMoments[i],
                         DType::f32,
                         {static_cast<std::int64_t>(moments[i]->size())},
                         std::as_bytes(std::span(*moments[i]))});
  const nlohmann::json about{{"format_version", kFormatVersion},
                             {"settings", to_json(c.settings)},
                             {"shape", to_json(c.parameters.shape())},
                             {"progress", to_json(c.progress)},
                             {"optimizer_steps", c.optimizer_steps},
                             {"model", c.identity.model},
                             {"corpus", c.identity.corpus}};
  write_safetensors(path, std::move(tensors), {{kKey, about.dump()}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const std::string who = file.who();
  const auto about = file.metadata().find(kKey);
  if (about == file.metadata().end()) fail("{}: is no checkpoint of dsa train", who);
  const auto json =
      parse_json(about->second, who, {.max_bytes = 1 << 20, .max_depth = 8, .max_values = 1000});
  try {
    if (json.at("format_version") != kFormatVersion)
      fail("{}: format_version is {}, this dsa reads {}", who, json.at("format_version").dump(),
           kFormatVersion);
    Checkpoint out(shape_from_json(json.at("shape")));
    out.settings = settings_from_json(json.at("settings"), who);
    out.progress = progress_from_json(json.at("progress"));
    out.identity = {.model = json.at("model"), .corpus = json.at("corpus")};
    out.optimizer_steps = json.at("optimizer_steps");
    const FileTensors tensors(file);
    read(out.parameters, tensors);
    if (out.optimizer_steps > 0) {
      const std::int64_t size = out.parameters.shape().size();
      out.first_moment = read_moment(tensors, kMoments[0], size, who);
      out.second_moment = read_moment(tensors, kMoments[1], size, who);
    }
    return out;
  } catch (const nlohmann::json::exception& error) {
    fail("{}: is a damaged checkpoint: {}", who, printable(error.what()));
  }
}

}  // namespace dsa::train
