#include "engine/model_runner.h"

#include "base/who.h"
#include "checkpoint/fingerprint.h"

namespace dsa {

Runner::Limits ModelRunner::limits() const {
  const Transformer& transformer = model_.transformer();
  return {.context = transformer.max_context(),
          .rows = transformer.max_tokens(),
          .pages = transformer.cache().pages(),
          .vocabulary = model_.config().vocab_size,
          .mtp_places = transformer.mtp() != nullptr ? transformer.mtp()->places() : 0};
}

void ModelRunner::forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) {
  model_.transformer().forward(batch, logits, status);
}

void ModelRunner::guess(std::span<Mtp::Ask> asks) { model_.transformer().mtp()->guess(asks); }

void ModelRunner::forget_mtp(std::int32_t place) { model_.transformer().mtp()->forget(place); }

void ModelRunner::show_selections(decltype(ForwardHooks::selection) sink) {
  ForwardHooks hooks;
  hooks.selection = std::move(sink);
  model_.transformer().set_hooks(std::move(hooks));
}

std::string ModelRunner::why(const SequenceStatus& status) const {
  return fmt::format("{}: {}", who(model_.files().path), describe(status, model_.config().num_hidden_layers));
}

void ModelRunner::check(const RunOptions& run) const { model_.transformer().check(run); }

SelectionRule ModelRunner::rule(const RunOptions& run) const {
  return model_.transformer().selection_rule(run);
}

std::size_t ModelRunner::page_bytes() const { return model_.transformer().cache().page_bytes(); }

void ModelRunner::save_page(std::int32_t page, std::span<std::byte> to) const {
  model_.transformer().cache().save_page(page, to);
}

void ModelRunner::load_page(std::int32_t page, std::span<const std::byte> from) {
  model_.transformer().cache().load_page(page, from);
}

void ModelRunner::copy_page(std::int32_t from, std::int32_t to) {
  model_.transformer().cache().copy_page(from, to);
}

CacheIdentity cache_identity(const LoadedModel& model) {
  return {.weights = weights_digest(*model.files().tensors),
          .indexer = model.indexer_tensors() != nullptr ? weights_digest(*model.indexer_tensors()) : "",
          .config = model.config(),
          .compute = model.transformer().compute(),
          .kernels = std::string(model.transformer().kernels().name),
          .page_bytes = model.transformer().cache().page_bytes()};
}

}  // namespace dsa
