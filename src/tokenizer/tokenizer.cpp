#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/nfc.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/utf8.h"

namespace dsa {
namespace {

// Some checkpoints do not mark their own control tokens as special: DeepSeek-V3 "<｜User｜>",
// Qwen "<tool_call>".  What is spelled like markup is never made from text a person typed;
// plain words ("/nothink") may be.
bool spelled_like_control(std::string_view text) {
  return text.starts_with('<') || text.find("\uFF5C") != std::string_view::npos;
}

using TokenIds = std::unordered_map<std::string_view, std::int32_t>;

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenizerSpec s) : spec(std::move(s)), splitter(spec.pre->splits) {
    check_sizes();
    index_added_tokens();
    const TokenIds by_entry = index_tokens();
    fill_unknown_bytes(by_entry);
    add_merges(by_entry);
    check_added_tokens(by_entry);
    check_ids();
    spec.tokens = {};
    spec.merges = {};
  }

  void check_sizes() {
    if (spec.tokens.empty() && spec.added.empty()) fail("{}: the vocabulary is empty", spec.who);
    if (static_cast<std::int64_t>(spec.tokens.size()) > kMaxTokens)
      fail("{}: the vocabulary has {} tokens, expected at most {}", spec.who, spec.tokens.size(), kMaxTokens);
    if (spec.merges.size() > kMaxMerges)
      fail("{}: {} merges, expected at most {}", spec.who, spec.merges.size(), kMaxMerges);
    std::size_t size = spec.tokens.size();
    for (const AddedToken& token : spec.added) {
      if (token.id < 0 || token.id >= kMaxTokens)
        fail("{}: added token \"{}\" has id {}, expected 0 to {}", spec.who, printable(token.text), token.id,
             kMaxTokens - 1);
      size = std::max(size, static_cast<std::size_t>(token.id) + 1);
    }
    pieces.resize(size);
    special.resize(size);
  }

  void index_added_tokens() {
    for (const AddedToken& token : spec.added) {
      if (token.text.empty()) fail("{}: added token {} is empty", spec.who, token.id);
      if (token.text.size() > kMaxAddedTokenBytes)
        fail("{}: added token {} has {} bytes, expected at most {}", spec.who, token.id, token.text.size(),
             kMaxAddedTokenBytes);
      if (!added_ids.try_emplace(token.text, token.id).second)
        fail("{}: added token \"{}\" appears twice", spec.who, printable(token.text));
      const auto i = static_cast<std::size_t>(token.id);
      if (!pieces[i].empty()) fail("{}: two added tokens have the id {}", spec.who, token.id);
      pieces[i] = token.text;
      special[i] = token.special;
      std::string storage;
      const bool normalize = spec.nfc && token.normalized;
      const std::string_view text = normalize ? nfc(token.text, storage) : std::string_view(token.text);
      (token.normalized ? in_normalized : in_raw)
          .add(token, text, token.special || spelled_like_control(token.text));
    }
  }

  // Fills the pieces of ordinary tokens and what BPE starts from;
  // returns the ids by entry as the file spells it.
  TokenIds index_tokens() {
    TokenIds by_entry;
    by_entry.reserve(spec.tokens.size());
    bpe.words.reserve(spec.tokens.size());
    bpe.byte_ids.fill(-1);
    bpe.ignore_merges = spec.ignore_merges;
    for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
      const std::string& entry = spec.tokens[id];
      if (entry.empty()) continue;
      if (entry.size() > kMaxTokenBytes)
        fail("{}: token {} has {} bytes, expected at most {}", spec.who, id, entry.size(), kMaxTokenBytes);
      const auto [it, is_new] = by_entry.try_emplace(entry, static_cast<std::int32_t>(id));
      if (!is_new) fail("{}: tokens {} and {} are both \"{}\"", spec.who, it->second, id, printable(entry));
      const auto bytes = bytes_of_alphabet(entry);
      if (bytes && bytes->size() == 1) {
        if (special[id])
          fail("{}: the control token {} is a single byte, which any text may hold", spec.who, id);
        bpe.byte_ids[static_cast<unsigned char>(bytes->front())] = static_cast<std::int32_t>(id);
      }
      if (!pieces[id].empty())
        continue;  // an added token: its text is already there, and found before any word
      pieces[id] = bytes ? *bytes : entry;
      if (bytes) bpe.words.emplace(pieces[id], static_cast<std::int32_t>(id));
    }
    return by_entry;
  }

  void fill_unknown_bytes(const TokenIds& by_entry) {
    if (!spec.unknown) return;
    const auto it = by_entry.find(*spec.unknown);
    if (it == by_entry.end())
      fail("{}: unk_token \"{}\" is not in the vocabulary", spec.who, printable(*spec.unknown));
    std::ranges::replace(bpe.byte_ids, -1, it->second);
  }

  void add_merges(const TokenIds& by_entry) {
    bpe.merges = MergeTable(spec.merges.size());
    std::string joined;
    const auto id_of = [&](const std::string& entry, std::size_t rank) {
      const auto it = by_entry.find(entry);
      if (it == by_entry.end())
        fail("{}: merge {} needs the token \"{}\", which is not in the vocabulary", spec.who, rank,
             printable(entry));
      return it->second;
    };
    for (std::size_t rank = 0; rank < spec.merges.size(); ++rank) {
      const auto& [left, right] = spec.merges[rank];
      const std::int32_t left_id = id_of(left, rank);
      const std::int32_t right_id = id_of(right, rank);
      const std::int32_t merged = id_of(joined.assign(left).append(right), rank);
      if (is_special(merged)) continue;  // text never merges into a control token
      bpe.merges.insert(left_id, right_id, {static_cast<std::int32_t>(rank), merged});
    }
  }

  void check_added_tokens(const TokenIds& by_entry) const {
    for (const AddedToken& token : spec.added) {
      const auto i = static_cast<std::size_t>(token.id);
      if (i < spec.tokens.size() && !spec.tokens[i].empty() && spec.tokens[i] != token.text)
        fail("{}: added token \"{}\" has the id {} of the token \"{}\"", spec.who, printable(token.text),
             token.id, printable(spec.tokens[i]));
      if (const auto it = by_entry.find(token.text); it != by_entry.end() && it->second != token.id)
        fail("{}: added token \"{}\" has id {}, but {} in the vocabulary", spec.who, printable(token.text),
             token.id, it->second);
    }
  }

  void check_ids() {
    const auto known = [&](std::int32_t id) {
      return id >= 0 && static_cast<std::size_t>(id) < pieces.size() &&
             !pieces[static_cast<std::size_t>(id)].empty();
    };
    const auto check = [&](std::int32_t id, std::string_view role) {
      if (!known(id))
        fail("{}: the {} token has id {}, which the vocabulary does not have", spec.who, role, id);
    };
    if (spec.bos) check(*spec.bos, "BOS");
    for (const std::int32_t id : spec.eos) check(id, "EOS");
    for (const std::int32_t id : spec.prefix) check(id, "prefix");
  }

  [[nodiscard]] bool is_special(std::int32_t id) const { return special[static_cast<std::size_t>(id)]; }

  void encode_words(std::string_view text, Bpe::Scratch& scratch, std::vector<std::int32_t>& out) const {
    splitter.split(text, [&](std::string_view word) { bpe.encode(word, scratch, out); });
  }

  TokenizerSpec spec;
  PreTokenizer splitter;
  Bpe bpe;
  std::vector<std::string> pieces;  // by id: the bytes a token stands for
  std::vector<bool> special;
  TokenIds added_ids;
  AddedTokenMatcher in_raw;
  AddedTokenMatcher in_normalized;
};

Tokenizer::Tokenizer(TokenizerSpec spec) : impl_(std::make_unique<const Impl>(std::move(spec))) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, SpecialTokens special) const {
  if (text.size() > kMaxTextBytes)
    fail("tokenizer: the text has {} bytes, expected at most {}", text.size(), kMaxTextBytes);
  using Accept = AddedTokenMatcher::Accept;
  const Accept accept = special == SpecialTokens::parse ? Accept::all : Accept::no_control;
  std::vector<std::int32_t> ids;
  Bpe::Scratch scratch;
  std::string repaired;
  std::string normal;
  const auto emit = [&](std::int32_t id) { ids.push_back(id); };
  impl_->in_raw.split(
      repaired_utf8(text, repaired), accept,
      [&](std::string_view raw) {
        impl_->in_normalized.split(
            impl_->spec.nfc ? nfc(raw, normal) : raw, accept,
            [&](std::string_view plain) { impl_->encode_words(plain, scratch, ids); }, emit);
      },
      emit);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special,
                              InvalidBytes invalid) const {
  std::string bytes;
  for (const std::int32_t id : ids)
    if (!skip_special || !is_special(id)) bytes += piece(id);
  if (invalid == InvalidBytes::keep) return bytes;
  std::string storage;
  return std::string(repaired_utf8(bytes, storage));
}

std::string_view Tokenizer::piece(std::int32_t id) const {
  if (id < 0 || id >= vocab_size()) return {};
  return impl_->pieces[static_cast<std::size_t>(id)];
}

std::int64_t Tokenizer::longest_piece() const {
  const auto longest = std::ranges::max_element(impl_->pieces, {}, [](const auto& p) { return p.size(); });
  return static_cast<std::int64_t>(longest->size());
}

std::int32_t Tokenizer::vocab_size() const { return static_cast<std::int32_t>(impl_->pieces.size()); }

std::optional<std::int32_t> Tokenizer::token_id(std::string_view text) const {
  for (const TokenIds* ids : {&impl_->added_ids, &impl_->bpe.words})
    if (const auto it = ids->find(text); it != ids->end()) return it->second;
  return std::nullopt;
}

bool Tokenizer::is_special(std::int32_t id) const {
  return id >= 0 && id < vocab_size() && impl_->is_special(id);
}

std::optional<std::int32_t> Tokenizer::bos() const { return impl_->spec.bos; }
const std::vector<std::int32_t>& Tokenizer::eos_ids() const { return impl_->spec.eos; }
const std::vector<std::int32_t>& Tokenizer::prefix_ids() const { return impl_->spec.prefix; }
bool Tokenizer::add_bos() const {
  return bos() && prefix_ids().size() == 1 && prefix_ids().front() == *bos();
}
const std::optional<std::string>& Tokenizer::chat_template() const {
  if (!impl_->spec.chat_template_fault.empty()) fail("{}", impl_->spec.chat_template_fault);
  return impl_->spec.chat_template;
}
std::string_view Tokenizer::pre_tokenizer() const { return impl_->spec.pre->name; }

}  // namespace dsa
