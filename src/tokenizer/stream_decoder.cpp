#include "tokenizer/stream_decoder.h"

#include <utility>

#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace dsa {

std::string StreamDecoder::push(std::int32_t id) {
  if (skip_special_ && tokenizer_->is_special(id)) return {};
  held_ += tokenizer_->piece(id);
  std::string text;
  const std::size_t unfinished = append_replacing(text, held_);
  held_.erase(0, held_.size() - unfinished);
  return text;
}

std::string StreamDecoder::flush() {
  std::string storage;
  std::string text(repaired_utf8(held_, storage));
  held_.clear();
  return text;
}

}  // namespace dsa
