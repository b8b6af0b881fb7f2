// A loaded model that answers: its runner, its store of pages and the engine's thread in one.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/disk_store.h"
#include "engine/model_runner.h"
#include "engine/threaded_engine.h"

namespace dsa {

/// Where pages are kept that memory does not keep.
struct DiskCache {
  std::filesystem::path folder;  // default_cache_folder()
  std::int64_t bytes = 0;        // at most; 0: default_cache_bytes()
  std::string model;             // as a person calls it
};

struct ModelEngineOptions {
  std::int64_t max_running = 64;  // answers with a place in the cache
  QueueLimits queue = {};
  Speculation speculation = Speculation::automatic;
  std::optional<DiskCache> disk = {};
};

/// Thread-safe, as every engine.
class ModelEngine final : public Engine {
 public:
  /// Both must outlive it; the model is its own while it lives.
  ModelEngine(LoadedModel& model, const Tokenizer& tokenizer, const ModelEngineOptions& options = {});

  Handle submit(Request request, EventSink sink) override {
    return engine_->submit(std::move(request), std::move(sink));
  }
  [[nodiscard]] EngineStatus status() const override { return engine_->status(); }
  void drain(std::chrono::milliseconds wait) override { engine_->drain(wait); }

  /// Throws Error if a sequence cannot be run so.
  void check(const RunOptions& run) const { runner_.check(run); }
  /// Null: nothing is kept on disk.
  [[nodiscard]] const DiskStore* disk() const { return disk_.get(); }

 private:
  ModelRunner runner_;
  std::unique_ptr<DiskStore> disk_;
  std::unique_ptr<ThreadedEngine> engine_;  // goes first: it hands its last pages to the store
};

}  // namespace dsa
