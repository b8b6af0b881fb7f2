// What the checkpoints of all trainings have in common: one safetensors file,
// with what is no tensor as JSON in its header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_write.h"
#include "checkpoint/tensor_source.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

/// Where a training stands.
struct Progress {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::int64_t stage = 0;       // of the curriculum
  std::int64_t stage_step = 0;  // documents of this stage that are done
  std::int64_t budget = 0;      // tokens in all; 0: --hours has not been turned into tokens yet
  double hours = 0;             // what was asked for; 0: a token budget was

  [[nodiscard]] double done() const {
    return budget > 0 ? static_cast<double>(tokens) / static_cast<double>(budget) : 0;
  }
  [[nodiscard]] bool finished() const { return budget > 0 && tokens >= budget; }
};

/// What must be the same for a training to go on.
struct Identity {
  std::string model;         // fingerprint
  std::string weights = {};  // weights_digest(); empty: there are none, or the checkpoint is older than it
  std::string corpus;        // corpus_hash()
};

inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";

/// "progress", "shape", "model", "weights" and "corpus" of a checkpoint's JSON.
nlohmann::json to_json(const IndexerShape& shape, const Progress& progress, const Identity& identity);

/// Replaces the file at once or not at all.  `key` says which training it is of.  Throws Error if the disk
/// fails: the file before it stays.
void write_checkpoint_file(const std::filesystem::path& path, const char* key, nlohmann::json about,
                           std::vector<TensorToWrite> tensors);

/// Names every tensor of `parameters` for a file.
void add_tensors(IndexerTensors& parameters, std::vector<TensorToWrite>& tensors);
/// A row of floats; nothing if it is empty.
void add_row(const char* name, std::span<const float> values, std::vector<TensorToWrite>& tensors);

class CheckpointFile {
 public:
  /// Throws Error if the file is missing, cut short, or not one that `command` wrote under `key`.
  CheckpointFile(const std::filesystem::path& path, const char* key, const char* command);

  [[nodiscard]] const std::string& who() const { return who_; }
  [[nodiscard]] const nlohmann::json& about() const { return about_; }
  [[nodiscard]] const TensorSource& tensors() const { return tensors_; }
  /// These throw Error or nlohmann's; read_checked() turns the latter into Error.
  [[nodiscard]] IndexerShape shape() const;
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] Identity identity() const;
  [[nodiscard]] std::vector<float> row(const char* name, std::int64_t size) const;

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
  /// The file's tensors by name.
  class Tensors final : public TensorSource {
   public:
    explicit Tensors(const SafetensorsFile& file);
    [[nodiscard]] const StoredTensor* find(std::string_view name) const override;
    void for_each(const std::function<void(std::string_view, const StoredTensor&)>& visit) const override;

   private:
    std::map<std::string, const StoredTensor*, std::less<>> tensors_;
  };
  [[noreturn]] void damaged(const char* what) const;

  SafetensorsFile file_;
  std::string who_;
  Tensors tensors_;
  nlohmann::json about_;
};

}  // namespace dsa::train
