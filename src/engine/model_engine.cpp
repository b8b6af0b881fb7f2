#include "engine/model_engine.h"

namespace dsa {

ModelEngine::ModelEngine(LoadedModel& model, const Tokenizer& tokenizer, const ModelEngineOptions& options)
    : runner_(model) {
  const CacheIdentity identity = cache_identity(model);
  if (const auto& disk = options.disk)
    disk_ = std::make_unique<DiskStore>(
        DiskOptions{.cache = disk->folder,
                    .limit_bytes = disk->bytes > 0 ? disk->bytes : default_cache_bytes(disk->folder),
                    .root = root_key(identity),
                    .model = {.model = disk->model, .weights = identity.weights}});
  const auto root = [identity](const std::string& tenant) {
    CacheIdentity own = identity;
    own.tenant = tenant;
    return root_key(own);
  };
  engine_ = std::make_unique<ThreadedEngine>(runner_, tokenizer,
                                             EngineOptions{.max_running = options.max_running,
                                                           .speculation = options.speculation,
                                                           .store = disk_.get(),
                                                           .root = root},
                                             options.queue);
}

}  // namespace dsa
