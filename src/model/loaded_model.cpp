#include "model/loaded_model.h"

#include <utility>

#include "base/cgroup.h"
#include "base/log.h"

namespace dsa {
namespace {

// What memory can hold; said before any of it is touched: later it would be a signal.
LoadOptions affordable(const ModelFiles& files, LoadOptions options, const KernelTable& kernels,
                       int threads) {
  const auto left = memory_left("/");
  const auto memory = [&] { return load_memory(files.config, *files.tensors, kernels, options, threads); };
  if (options.context == 0 && !fits_in(memory(), left)) {
    const std::int64_t own = files.config.max_position_embeddings;
    options.context = fitting_context(own, [&](std::int64_t context) {
      options.context = context;
      return fits_in(memory(), left);
    });
    if (options.context < own)
      warn("the context is {} tokens, not the model's {}: memory holds no more; `context` sets another",
           options.context, own);
  }
  check_memory(memory(), left);
  return options;
}

}  // namespace

LoadedModel::LoadedModel(OpenedModel opened, const LoadOptions& options, const KernelTable& kernels)
    : opened_(std::move(opened)),
      exec_(options.threads > 0 ? options.threads : Exec::default_threads()),
      transformer_(opened_.files, affordable(opened_.files, options, kernels, exec_.threads()), kernels,
                   exec_, opened_.indexer_tensors.get()),
      load_time_(std::chrono::steady_clock::now() - start_) {}

}  // namespace dsa
