// What the checkpoints of all trainings have in common: one safetensors file,
// with what is no tensor as JSON in its header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/safetensors_write.h"
#include "checkpoint/tensor_source.h"
#include "train/loop/progress.h"

namespace dsa::train {

/// "progress", "model", "weights" and "corpus" of a checkpoint's JSON.
nlohmann::json to_json(const Progress& progress, const Identity& identity);

/// Replaces the file at once or not at all.  `key` says which training it is of.  Throws Error if the disk
/// fails: the file before it stays.
void write_checkpoint_file(const std::filesystem::path& path, const char* key, nlohmann::json about,
                           std::vector<TensorToWrite> tensors);

/// A tensor of one dimension; nothing if it is empty.
void add_vector(const char* name, std::span<const float> values, std::vector<TensorToWrite>& tensors);

class CheckpointFile {
 public:
  /// Throws Error if the file is missing, cut short, or not one that `command` wrote under `key`.
  CheckpointFile(const std::filesystem::path& path, const char* key, const char* command);

  [[nodiscard]] const std::string& who() const { return who_; }
  [[nodiscard]] const nlohmann::json& about() const { return about_; }
  [[nodiscard]] const TensorSource& tensors() const { return *tensors_; }
  /// These throw Error or nlohmann's; read_checked() turns the latter into Error.
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] Identity identity() const;
  [[nodiscard]] std::vector<float> vector(const char* name, std::int64_t size) const;

  /// Runs `read`; what the JSON lacks becomes one Error about a damaged checkpoint.
  template <class Read>
  auto read_checked(Read&& read) const {
    try {
      return read();
    } catch (const nlohmann::json::exception& error) {
      damaged(error.what());
    }
  }

 private:
  [[noreturn]] void damaged(const char* what) const;

  std::string who_;
  nlohmann::json about_;
  std::unique_ptr<TensorSource> tensors_;
};

}  // namespace dsa::train
