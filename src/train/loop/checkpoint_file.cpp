#include "train/loop/checkpoint_file.h"

#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/hf_folder.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kFormatVersion = 1;

nlohmann::json progress_to_json(const Progress& p) {
  return {{"step", p.step},     {"tokens", p.tokens}, {"stage", p.stage}, {"stage_step", p.stage_step},
          {"budget", p.budget}, {"hours", p.hours}};
}

}  // namespace

nlohmann::json to_json(const Progress& progress, const Identity& identity) {
  return {{"progress", progress_to_json(progress)},
          {"model", identity.model},
          {"weights", identity.weights},
          {"corpus", identity.corpus}};
}

void write_checkpoint_file(const std::filesystem::path& path, const char* key, nlohmann::json about,
                           std::vector<TensorToWrite> tensors) {
  about["format_version"] = kFormatVersion;
  write_safetensors(path, std::move(tensors), {{key, json_text(about)}});
}

void add_vector(const char* name, std::span<const float> values, std::vector<TensorToWrite>& tensors) {
  if (!values.empty())
    tensors.push_back({name, DType::f32, {static_cast<std::int64_t>(values.size())}, std::as_bytes(values)});
}

CheckpointFile::CheckpointFile(const std::filesystem::path& path, const char* key, const char* command) {
  auto file = std::make_unique<SafetensorsFile>(path);
  who_ = file->who();
  const auto about = file->metadata().find(key);
  if (about == file->metadata().end()) fail("{}: is no checkpoint of {}", who_, command);
  about_ = parse_json(about->second, who_, {.max_bytes = 1 << 20, .max_depth = 8, .max_values = 1000});
  tensors_ = tensors_of(std::move(file));
  read_checked([&] {
    if (about_.at("format_version") != kFormatVersion)
      fail("{}: format_version is {}, this dsa reads {}", who_, json_text(about_.at("format_version")),
           kFormatVersion);
  });
}

void CheckpointFile::damaged(const char* what) const {
  fail("{}: is a damaged checkpoint: {}", who_, printable(what));
}

Progress CheckpointFile::progress() const {
  const auto& j = about_.at("progress");
  return {.step = j.at("step"),
          .tokens = j.at("tokens"),
          .stage = j.at("stage"),
          .stage_step = j.at("stage_step"),
          .budget = j.at("budget"),
          .hours = j.at("hours")};
}

Identity CheckpointFile::identity() const {
  return {.model = about_.at("model"),
          .weights = about_.value("weights", std::string{}),
          .corpus = about_.at("corpus")};
}

std::vector<float> CheckpointFile::vector(const char* name, std::int64_t size) const {
  const StoredTensor* stored = tensors_->find(name);
  if (stored == nullptr || stored->type != DType::f32 || stored->shape != std::vector{size})
    fail("{}: {} is missing or has another size than the parameters ({})", who_, name, size);
  std::vector<float> values(static_cast<std::size_t>(size));
  std::memcpy(values.data(), stored->bytes.data(), stored->bytes.size());
  return values;
}

}  // namespace dsa::train
