// Golden models made fit to read text: they have weights but no tokenizer, and most have no indexer.
#pragma once

#include <filesystem>

#include "bench/random_indexer.h"

namespace dsa::test {

/// A copy of the model folder `golden` in the new folder `out`, with a tokenizer of one
/// token a byte, id = byte.
void write_text_model(const std::filesystem::path& golden, const std::filesystem::path& out);

/// The same that can hold a conversation, in ChatML: the byte FF, which no text
/// has, is <|im_end|>, 256 is <|im_start|>.
void write_chat_model(const std::filesystem::path& golden, const std::filesystem::path& out);

/// An untrained indexer for `model`, of the Llama family, in the new folder `out`.
void write_indexer_folder(const std::filesystem::path& model, const std::filesystem::path& out,
                          RandomIndexerShape shape, std::int64_t topk);

}  // namespace dsa::test
