#include "cli/serve_models.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/cgroup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/numeric.h"
#include "cli/serve_settings.h"
#include "exec/exec.h"
#include "kernels/registry.h"
#include "model/kv_cache.h"

namespace dsa::cli {
namespace {

// The name that was typed, else the folder's or the file's.
std::string id_of(const ModelOptions& o) {
  if (!o.name.empty()) return o.name;
  const std::filesystem::path path(o.common.model);
  const auto last = path.has_filename() ? path.filename() : path.parent_path().filename();
  const std::string id = last.extension() == ".gguf" ? last.stem().string() : last.string();
  return id.empty() || id == "." ? "model" : id;
}

// A table's keys are options of the same names.
ModelOptions options_of(const std::string& id, const nlohmann::json& table, const ModelOptions& common) {
  const std::string who = fmt::format("models.{}", printable(id));
  if (!table.is_object()) throw UsageError(fmt::format("{}: expected a table", who));
  ModelOptions out = common;
  out.name = id;
  out.common.model = id;
  CommandLine line("model", "", "");
  const Command command = line.command();
  add_model_options(command, out);
  Command options = command;
  options.add_option("--path", out.common.model, "");
  options.add_option("--load", out.load, "").check(one_of({"asked", "start"}));
  for (const auto& [key, value] : table.items()) {
    const std::string option = as_option(key);
    if (key == "name" || !command.has_option(option))
      throw UsageError(fmt::format("{}: there is no option \"{}\"", who, printable(key)));
    try {
      options.set(option, values_of(value, key));
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: {}", who, error.what()));
    }
  }
  return out;
}

// What one model may take at most.
std::int64_t left_for_one(const ServingPlan& plan) {
  return std::min(plan.left.value_or(plan.budget_bytes), plan.budget_bytes);
}

// Tokens of cache that a model's share of the memory for pages holds: of what was asked for, else of a
// quarter of what is left, up to 4 GiB.
std::int64_t cache_tokens(const ModelOptions& o, const ServingPlan& plan, std::int64_t models,
                          std::int64_t token_bytes) {
  constexpr std::int64_t kMost = std::int64_t{4} << 30;
  const std::int64_t all = o.cache_ram >= 0 ? o.cache_ram << 20 : std::min(kMost, left_for_one(plan) / 4);
  return all / models / token_bytes;
}

std::int64_t seconds_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

// Of weights that are read where their file is mapped.
std::int64_t mapped_bytes(const TensorSource& tensors, const KernelTable& kernels, Compute compute) {
  std::int64_t bytes = 0;
  tensors.for_each([&](std::string_view, const StoredTensor& tensor) {
    const bool packed =
        compute != Compute::f32 && tensor.shape.size() == 2 &&
        kernels.packed_bytes({.type = tensor.type, .rows = tensor.shape[0], .cols = tensor.shape[1]}) > 0;
    if (!packed) bytes += std::ssize(tensor.bytes);
  });
  return bytes;
}

// `models`: that share the memory for pages.
void look_at(PlannedModel& model, const ServingPlan& plan, std::int64_t models) {
  const OpenedModel opened = open(model.options.common);
  const ModelConfig& config = opened.files.config;
  const int threads =
      model.options.common.threads > 0 ? model.options.common.threads : Exec::default_threads();
  const KernelTable& kernels = choose_kernels();
  LoadOptions load = answering_options(model.options.common);
  model.token_bytes = static_cast<std::int64_t>(kv_token_bytes(config, load.compute));
  load.cache = cache_tokens(model.options, plan, models, model.token_bytes);
  const auto memory = [&](const LoadOptions& options) {
    return load_memory(config, *opened.files.tensors, kernels, options, threads);
  };
  model.mapped_bytes = mapped_bytes(*opened.files.tensors, kernels, load.compute);
  LoadOptions fitting = load;
  if (load.context == 0)
    fitting.context = fitting_context(config.max_position_embeddings, [&](std::int64_t context) {
      fitting.context = context;
      return fits_in(memory(fitting), left_for_one(plan) - model.mapped_bytes);
    });
  // Those that stay find out by themselves, unless they were given a bound.
  const bool bounded = plan.budget_bytes < std::numeric_limits<std::int64_t>::max();
  model.load = model.stays && !bounded ? load : fitting;
  if (load.context == 0 && model.load.context > 0 && fitting.context < config.max_position_embeddings)
    warn("{}: the context is {} tokens, not the model's {}: memory holds no more; `context` sets another",
         model.id, fitting.context, config.max_position_embeddings);
  model.memory = memory(fitting);
  model.sizes = load_sizes(config, fitting, threads);
  server::ModelCard card{.id = model.id,
                         .context = model.sizes.context,
                         .topk = model.sizes.topk,
                         .indexer = served_indexer(opened),
                         .kernels = std::string(kernels.name),
                         .created = seconds_now()};
  model.cards.push_back(card);
  if (!offers_dense(opened, run_options(model.options.common))) return;
  card.id += ":dense";
  model.cards.push_back(std::move(card));
}

}  // namespace

std::string served_indexer(const OpenedModel& model) {
  if (!model.has_indexer()) return "";
  return model.indexer_folder.empty() ? "the model's own" : model.indexer_folder.filename().string();
}

bool offers_dense(const OpenedModel& model, const RunOptions& run) {
  return model.has_indexer() && run.attention != AttentionMode::dense;
}

void add_model_options(Command command, ModelOptions& o) {
  add_options(command, o.common, {OptionGroup::engine, OptionGroup::answers, OptionGroup::cache});
  command.add_option("--name", o.name, "the model's name in requests (default: as it was typed)")
      .type_name("NAME");
  add_chat_format(command, o.common.chat_format);
  command.add_flag("--raw", o.common.raw, "no chat format: the last message of a conversation is continued");
  command
      .add_option("--cache-ram", o.cache_ram,
                  "MiB of memory for pages of the cache, at least those of one context (default: a quarter "
                  "of what is free or of --memory, up to 4096)")
      .type_name("MIB")
      .check(whole<std::int64_t>(0, 1 << 30));
  command
      .add_option("--unload-after", o.unload_after,
                  "seconds without a request, then a model that --config lists leaves memory; 0: it stays "
                  "until another needs the room")
      .type_name("SECONDS")
      .check(whole<std::int64_t>(0, std::int64_t{1} << 30))
      .show_default();
}

ServingPlan plan_models(const std::vector<std::string>& typed, const nlohmann::json& tables,
                        const ModelOptions& common, const ServingOptions& serving) {
  if (!common.name.empty() && typed.size() + tables.size() > 1)
    throw UsageError(fmt::format("--name is one model's, and {} are served", typed.size() + tables.size()));
  ServingPlan plan{
      .models = {},
      .left = memory_left("/"),
      .budget_bytes = serving.memory >= 0 ? serving.memory << 20 : std::numeric_limits<std::int64_t>::max()};
  for (const std::string& path : typed) {
    PlannedModel model{.options = common};
    model.options.common.model = path;
    model.options.load = "start";
    model.id = id_of(model.options);
    plan.models.push_back(std::move(model));
  }
  for (const auto& [id, table] : tables.items()) {
    PlannedModel model{.options = options_of(id, table, common)};
    model.id = id;
    plan.models.push_back(std::move(model));
  }
  const std::int64_t count = std::ssize(plan.models);
  std::int64_t staying = 0;
  for (PlannedModel& model : plan.models) {
    if (std::ranges::count(plan.models, model.id, &PlannedModel::id) > 1)
      fail("two models are called \"{}\": serve one of them by another path", printable(model.id));
    model.stays = model.options.load == "start";
    const bool own_share = tables.contains(model.id) && tables[model.id].contains("cache_ram");
    look_at(model, plan, own_share ? 1 : count);
    if (model.stays) staying += bytes_of(model);
  }
  constexpr std::int64_t kTenths = 9;  // the rest is for what requests take
  if (serving.memory < 0 && plan.left) plan.budget_bytes = std::max(*plan.left / 10 * kTenths, staying);
  return plan;
}

std::int64_t bytes_of(const PlannedModel& model) {
  return static_cast<std::int64_t>(model.memory.total()) + model.mapped_bytes;
}

}  // namespace dsa::cli
