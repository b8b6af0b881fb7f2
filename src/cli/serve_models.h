// The models of `dsa serve`: those that are typed, and those of its file.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/options.h"
#include "model/load_sizes.h"
#include "server/model_pool.h"

namespace dsa::cli {

/// Of one model.
struct ModelOptions {
  Options common;
  std::string name;                 // in requests; "": as it was typed
  std::int64_t cache_ram = -1;      // MiB for pages; -1: its share of what suits
  std::int64_t unload_after = 300;  // seconds without a request; 0: never
  std::string load = "asked";       // or "start": then it stays
};
/// Of all of them together.
struct ServingOptions {
  std::int64_t max_running = 64;
  std::int64_t max_queue = 1024;
  std::int64_t memory = -1;  // MiB; -1: what suits
};
void add_model_options(Command command, ModelOptions& options);

/// What is known of a model before any weight is read.
struct PlannedModel {
  ModelOptions options = {};
  std::string id = {};
  bool stays = false;
  LoadOptions load = {};
  LoadMemory memory = {};
  std::int64_t mapped_bytes = 0;  // weights that are read where their file is mapped
  LoadSizes sizes = {};
  std::int64_t token_bytes = 0;  // that a token takes in the cache
  std::vector<server::ModelCard> cards = {};
};
struct ServingPlan {
  std::vector<PlannedModel> models = {};
  std::optional<std::int64_t> left = {};  // bytes that can be had; none: not known
  std::int64_t budget_bytes = 0;
};

/// `typed`: paths or names, loaded at the start.  `tables`: the file's [models.NAME], or null.  `common`: of
/// all models that do not say otherwise.  Throws Error, UsageError for what the file says wrong.
ServingPlan plan_models(const std::vector<std::string>& typed, const nlohmann::json& tables,
                        const ModelOptions& common, const ServingOptions& serving);

std::vector<server::PooledModel> pooled(const ServingPlan& plan, const ServingOptions& serving);

/// Of memory, while it is loaded.
std::int64_t bytes_of(const PlannedModel& model);
/// What selects for it: "the model's own", a folder's name; "": nothing does.
std::string served_indexer(const OpenedModel& model);
/// Whether it is also offered without its indexer.
bool offers_dense(const OpenedModel& model, const RunOptions& run);

/// Of `--estimate`: will it fit, and how many users at which context.
std::string estimate_text(const ServingPlan& plan);

}  // namespace dsa::cli
