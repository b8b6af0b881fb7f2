#include "eval/loaded_model.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "model/attach_indexer.h"

namespace dsa {
namespace {

constexpr std::int64_t kLogitsFloats = std::int64_t{16} << 20;  // of one chunk

}  // namespace

Tokenizer fitting_tokenizer(const ModelFiles& files) {
  Tokenizer tokenizer = open_tokenizer(files);
  if (tokenizer.vocab_size() > files.config.vocab_size)
    fail("{}: the tokenizer has {} tokens, the model's vocabulary {}: they do not belong together",
         printable(files.path.string()), tokenizer.vocab_size(), files.config.vocab_size);
  return tokenizer;
}

LoadedModel::LoadedModel(const std::filesystem::path& path, const ModelOptions& options)
    : files_(open_model(path)),
      indexer_(attach_indexer(files_, options)),
      tokenizer_(fitting_tokenizer(files_)),
      exec_(options.threads > 0 ? options.threads : Exec::default_threads()),
      transformer_(std::make_unique<Transformer>(files_, options, choose_kernels(), exec_,
                                                 indexer_ ? indexer_->tensors.get() : nullptr)) {
  pages_.resize(static_cast<std::size_t>(transformer_->cache().pages()));
  std::iota(pages_.begin(), pages_.end(), 0);
  wanted_.resize(static_cast<std::size_t>(transformer_->max_tokens()));
  std::iota(wanted_.begin(), wanted_.end(), 0);
}

std::int64_t LoadedModel::topk() const {
  const auto& indexer = transformer_->config().indexer;
  return indexer ? indexer->topk : 0;
}

std::int64_t LoadedModel::most_logits_rows() const {
  return std::clamp<std::int64_t>(kLogitsFloats / config().vocab_size, 1, transformer_->max_tokens());
}

bool LoadedModel::run(std::span<const std::int32_t> tokens, const VisitLogits& logits,
                      const VisitProgress& progress, const std::atomic<bool>& cancel) {
  const std::int64_t logits_from = logits ? 0 : static_cast<std::int64_t>(tokens.size());
  return extend({.tokens = tokens, .first = 0, .logits_from = logits_from}, logits, progress, cancel);
}

bool LoadedModel::extend(const Stretch& stretch, const VisitLogits& logits, const VisitProgress& progress,
                         const std::atomic<bool>& cancel) {
  const std::int64_t end = stretch.first + static_cast<std::int64_t>(stretch.tokens.size());
  DSA_CHECK(end <= transformer_->max_context());
  for (std::int64_t first = stretch.first; first < end;) {
    // A chunk wants the logits of all its tokens or of none.
    const bool wanted = first >= stretch.logits_from;
    const std::int64_t most = wanted ? most_logits_rows() : transformer_->max_tokens();
    const std::int64_t count = std::min(most, (wanted ? end : std::min(end, stretch.logits_from)) - first);
    const auto rows = static_cast<std::size_t>(count);
    const SequenceSlice slice{
        .tokens = stretch.tokens.subspan(static_cast<std::size_t>(first - stretch.first), rows),
        .first_position = first,
        .page_table = pages_,
        .logits_rows = std::span(wanted_).first(wanted ? rows : 0)};
    if (wanted) logits_.resize(static_cast<std::size_t>(most * config().vocab_size));
    const TensorView<float, 2> out(logits_.data(), {wanted ? count : 0, config().vocab_size});
    SequenceStatus status;
    if (!transformer_->forward({.sequences = {&slice, 1}, .cancel = &cancel}, out, {&status, 1}))
      return false;
    if (!status.ok())
      fail(
          "{}: a NaN or an infinity in the output of layer {} at token {}: "
          "the weights are damaged, or their values overflow this arithmetic (try --compute f32)",
          printable(files_.path.string()), status.bad_layer, status.bad_position);
    if (wanted) logits(first, out);
    first += count;
    if (progress) progress(first);
  }
  return true;
}

}  // namespace dsa
