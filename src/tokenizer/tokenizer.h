// Text to token ids and back: byte-level BPE from tokenizer.json or from a GGUF's metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

class GgufFile;
struct ModelFiles;
struct TokenizerSpec;

/// What encode() does with text that spells a control token such as "<|im_end|>".
enum class SpecialTokens : std::uint8_t {
  as_text,  // what a person typed: it stays text, whatever it spells
  parse,    // what a chat template wrote: it becomes the control token
};

/// What decode() does with bytes that are not UTF-8.
enum class InvalidBytes : std::uint8_t {
  keep,     // raw bytes as they are
  replace,  // U+FFFD for each, as Python's errors="replace"
};

/// Immutable after construction: any number of threads may share one.
class Tokenizer {
 public:
  /// `path` is the tokenizer.json; tokenizer_config.json and chat_template.jinja beside it are read too if
  /// they are there (BOS, EOS, chat template).  Throws Error on anything malformed or not supported.
  static Tokenizer from_tokenizer_json(const std::filesystem::path& path);
  static Tokenizer from_gguf(const GgufFile& file);
  explicit Tokenizer(TokenizerSpec spec);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Ids of `text`; never adds BOS or EOS (see prefix_ids()).
  /// Invalid UTF-8 becomes U+FFFD first.  O(n log n).
  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text, SpecialTokens special) const;

  /// Text of the ids; with `skip_special` control tokens leave nothing.  An id outside the vocabulary leaves
  /// nothing (logits may be wider than the vocabulary).
  [[nodiscard]] std::string decode(std::span<const std::int32_t> ids, bool skip_special,
                                   InvalidBytes invalid = InvalidBytes::replace) const;

  /// The raw bytes one token stands for, possibly part of a character;
  /// empty for an id outside the vocabulary.
  [[nodiscard]] std::string_view piece(std::int32_t id) const;

  /// Bytes of the longest token: a text is cut into at least size / longest_piece() tokens (less, where an
  /// added token swallows white space).
  [[nodiscard]] std::int64_t longest_piece() const;

  /// One more than the highest id.
  [[nodiscard]] std::int32_t vocab_size() const;

  /// Id of an added token ("<|im_end|>") or of an ordinary token by the bytes it stands for.
  [[nodiscard]] std::optional<std::int32_t> token_id(std::string_view text) const;

  /// True for control tokens: those the file marks as special.
  [[nodiscard]] bool is_special(std::int32_t id) const;

  [[nodiscard]] std::optional<std::int32_t> bos() const;
  /// Tokens that end an answer as far as the tokenizer's files say (config.json may name more); may be empty.
  [[nodiscard]] const std::vector<std::int32_t>& eos_ids() const;
  /// What a plain prompt (no chat template) begins with: often bos(), nothing,
  /// or several tokens (GLM-4's "[gMASK]<sop>").
  [[nodiscard]] const std::vector<std::int32_t>& prefix_ids() const;
  /// True if prefix_ids() is just bos().
  [[nodiscard]] bool add_bos() const;

  /// The Jinja text the checkpoint carries, if any.  Throws Error if what it carries cannot be read: a wrong
  /// template stops those who want to chat, and nobody else.
  [[nodiscard]] const std::optional<std::string>& chat_template() const;

  /// "smollm", "gpt2", "llama3", "qwen2", "deepseek-llm", "deepseek-v3" or "glm4" (which cuts as llama3 does,
  /// so a tokenizer.json of GLM's says llama3).
  [[nodiscard]] std::string_view pre_tokenizer() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

/// The tokenizer of an opened model, whichever format it has.
Tokenizer open_tokenizer(const ModelFiles& files);
/// The same for a folder or a .gguf file that need hold nothing else of a model: a GGUF with a vocabulary
/// alone.
Tokenizer open_tokenizer(const std::filesystem::path& model);
/// The same, to run the model with.  Throws Error if it has tokens that the model has not.
Tokenizer fitting_tokenizer(const ModelFiles& files);

}  // namespace dsa
