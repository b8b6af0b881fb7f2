#include "model/loaded_model.h"

#include <utility>

#include "base/cgroup.h"

namespace dsa {
namespace {

// Said before any of it is touched: later it would be a signal.
const ModelFiles& affordable(const ModelFiles& files, const LoadOptions& options, const KernelTable& kernels,
                             int threads) {
  check_memory(load_memory(files.config, *files.tensors, kernels, options, threads), memory_left("/"));
  return files;
}

}  // namespace

LoadedModel::LoadedModel(OpenedModel opened, const LoadOptions& options, const KernelTable& kernels)
    : opened_(std::move(opened)),
      exec_(options.threads > 0 ? options.threads : Exec::default_threads()),
      transformer_(affordable(opened_.files, options, kernels, exec_.threads()), options, kernels, exec_,
                   opened_.indexer_tensors.get()),
      load_time_(std::chrono::steady_clock::now() - start_) {}

}  // namespace dsa
