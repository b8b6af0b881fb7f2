#include "testing/text_model.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/indexer_folder_write.h"
#include "checkpoint/open_model.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/utf8.h"

namespace dsa::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json byte_tokenizer() {
  json vocabulary = json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    append_utf8(character, alphabet_of_byte(static_cast<unsigned char>(byte)));
    vocabulary[character] = byte;
  }
  const json byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"added_tokens", json::array()},
          {"pre_tokenizer", byte_level},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}}};
}

void write(const fs::path& path, const json& content) { std::ofstream(path) << json_text(content); }

}  // namespace

void write_text_model(const fs::path& golden, const fs::path& out) {
  fs::create_directories(out);
  for (const char* file : {"config.json", "model.safetensors"}) fs::copy_file(golden / file, out / file);
  write(out / "tokenizer.json", byte_tokenizer());
}

void write_chat_model(const fs::path& golden, const fs::path& out) {
  write_text_model(golden, out);
  json tokenizer = byte_tokenizer();
  auto& vocabulary = tokenizer["model"]["vocab"];
  for (auto it = vocabulary.begin(); it != vocabulary.end();)
    it = it.value() == 255 ? vocabulary.erase(it) : std::next(it);
  for (const auto& [id, content] : {std::pair(255, "<|im_end|>"), std::pair(256, "<|im_start|>")})
    tokenizer["added_tokens"].push_back({{"id", id}, {"content", content}, {"special", true}});
  write(out / "tokenizer.json", tokenizer);
  write(out / "tokenizer_config.json",
        {{"chat_template",
          "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
          "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
          "{% endif %}"}});
}

void write_indexer_folder(const fs::path& model, const fs::path& out, RandomIndexerShape shape,
                          std::int64_t topk) {
  ModelFiles files = open_model(model);
  ModelConfig& c = files.config;
  c.indexer = random_indexer_config(c, shape, topk);
  fs::create_directories(out);
  const auto tensors = random_indexer_tensors(c);
  IndexerConfig config = *c.indexer;
  config.trained_context = c.max_position_embeddings;
  IndexerFolderToWrite indexer{
      .model = c, .fingerprint = fingerprint(*files.tensors, c), .config = config, .tensors = {}};
  tensors->for_each([&](std::string_view name, const StoredTensor& tensor) {
    indexer.tensors.push_back({std::string(name), tensor.type, tensor.shape, tensor.bytes});
  });
  dsa::write_indexer_folder(out, std::move(indexer));
}

}  // namespace dsa::test
