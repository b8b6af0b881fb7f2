// GET /admin/models: what `dsa ps` shows.
#pragma once

#include "server/model_pool.h"

namespace dsa::server {

/// docs/interfaces.md, "JSON of the verbs": `ps`.
HttpAnswer loaded_models(const ModelPool& models);

}  // namespace dsa::server
