#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/present.h"
#include "base/who.h"
#include "checkpoint/gguf_vocabulary.h"
#include "checkpoint/open_model.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_gguf.h"
#include "tokenizer/tokenizer_json.h"

namespace dsa {
namespace {

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.size()};
}

}  // namespace

Tokenizer Tokenizer::from_tokenizer_json(const std::filesystem::path& path) {
  TokenizerSpec spec = parse_tokenizer_json(text_of(MappedFile(path)), who(path));
  const auto config = path.parent_path() / "tokenizer_config.json";
  if (present(config)) apply_tokenizer_config(text_of(MappedFile(config)), who(config), spec);
  // Newer checkpoints keep the template in a file of its own, which then is the one that counts.
  const auto chat = path.parent_path() / "chat_template.jinja";
  if (present(chat)) set_chat_template(text_of(MappedFile(chat)), who(chat), spec);
  return Tokenizer(std::move(spec));
}

Tokenizer Tokenizer::from_gguf(const GgufFile& file) {
  const auto vocabulary = read_gguf_vocabulary(file);
  if (!vocabulary) fail("{}: tokenizer.ggml.tokens is missing: the file has no tokenizer", file.who());
  return Tokenizer(spec_from_gguf(*vocabulary, file.who()));
}

Tokenizer open_tokenizer(const ModelFiles& files) {
  if (files.format == ModelFiles::Format::huggingface)
    return Tokenizer::from_tokenizer_json(files.path / "tokenizer.json");
  DSA_CHECK(files.gguf != nullptr);
  return Tokenizer::from_gguf(*files.gguf);
}

Tokenizer open_tokenizer(const std::filesystem::path& model) {
  if (!present(model)) fail("{}: there is no such file or folder", who(model));
  if (std::filesystem::is_directory(model)) return Tokenizer::from_tokenizer_json(model / "tokenizer.json");
  return Tokenizer::from_gguf(GgufFile(model));
}

Tokenizer fitting_tokenizer(const ModelFiles& files) {
  Tokenizer tokenizer = open_tokenizer(files);
  if (tokenizer.vocab_size() > files.config.vocab_size)
    fail("{}: the tokenizer has {} tokens, the model's vocabulary {}: they do not belong together",
         who(files.path), tokenizer.vocab_size(), files.config.vocab_size);
  return tokenizer;
}

}  // namespace dsa
