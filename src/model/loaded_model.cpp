#include "model/loaded_model.h"

#include <utility>

namespace dsa {

LoadedModel::LoadedModel(OpenedModel opened, const LoadOptions& options, const KernelTable& kernels)
    : opened_(std::move(opened)),
      exec_(options.threads > 0 ? options.threads : Exec::default_threads()),
      transformer_(opened_.files, options, kernels, exec_, opened_.indexer_tensors.get()),
      load_time_(std::chrono::steady_clock::now() - start_) {}

}  // namespace dsa
