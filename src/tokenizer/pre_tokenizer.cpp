#include "tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "tokenizer/split_table.h"

namespace dsa {
namespace {

struct Free {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_jit_stack* p) const { pcre2_jit_stack_free(p); }
};
using Code = std::unique_ptr<pcre2_code, Free>;

// PCRE2's \s holds U+180E and, before 10.43, differs from White_Space elsewhere too:
// say the property instead.
std::string pcre_pattern(const SplitRule& rule) {
  if (!rule.pattern.empty()) return std::string(rule.pattern);
  std::string out;
  for (std::size_t i = 0; i < rule.file.size(); ++i) {
    const std::string_view two = rule.file.substr(i, 2);
    if (two == "\\s" || two == "\\S") {
      out += two == "\\s" ? "\\p{WSpace}" : "\\P{WSpace}";
      ++i;
    } else if (two == "\\\\" || two == "\\p") {
      out += two;
      ++i;
    } else {
      out += rule.file[i];
    }
  }
  return out;
}

Code compile(std::string_view name) {
  const SplitRule* rule = find_split(name);
  DSA_CHECK(rule != nullptr);
  const std::string pattern = pcre_pattern(*rule);
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_UCP,
                          &error, &offset, nullptr));
  if (code == nullptr)
    fail(
        "tokenizer: this machine's PCRE2 rejects the pattern \"{}\" "
        "(error {} at {}), expected version 10.40 or newer",
        name, error, offset);
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT the interpreter does the same
  return code;
}

// What matching needs besides the pattern; one for every split() call.
class Matcher {
 public:
  Matcher()
      : data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(std::size_t{64} << 10, std::size_t{64} << 20, nullptr)) {
    if (data_ == nullptr || context_ == nullptr) fail("tokenizer: out of memory");
    // The patterns are ours and take linear time; PCRE2's default limit would stop them in a long text.
    pcre2_set_match_limit(context_.get(), ~std::uint32_t{0});
    if (stack_ != nullptr) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
  }

  // Finds the first match at or after `from`; false if there is none.
  bool find(const pcre2_code* code, std::string_view text, std::size_t from) {
    const int rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                               PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
    if (rc == PCRE2_ERROR_NOMATCH) return false;
    if (rc < 0) fail("tokenizer: PCRE2 gave up with error {} in a text of {} bytes", rc, text.size());
    return true;
  }
  [[nodiscard]] std::size_t begin() const { return pcre2_get_ovector_pointer(data_.get())[0]; }
  [[nodiscard]] std::size_t end() const { return pcre2_get_ovector_pointer(data_.get())[1]; }

 private:
  std::unique_ptr<pcre2_match_data, Free> data_;
  std::unique_ptr<pcre2_match_context, Free> context_;
  std::unique_ptr<pcre2_jit_stack, Free> stack_;
};

void split_chain(std::span<const Code> chain, Matcher& matcher, std::string_view piece,
                 FunctionRef<void(std::string_view)> word) {
  if (piece.empty()) return;
  if (chain.empty()) return word(piece);
  std::size_t done = 0;
  while (done < piece.size() && matcher.find(chain[0].get(), piece, done)) {
    const std::size_t begin = matcher.begin();
    const std::size_t end = matcher.end();
    DSA_CHECK(begin < end);  // no known split matches nothing
    split_chain(chain.subspan(1), matcher, piece.substr(done, begin - done), word);
    split_chain(chain.subspan(1), matcher, piece.substr(begin, end - begin), word);
    done = end;
  }
  split_chain(chain.subspan(1), matcher, piece.substr(done), word);
}

}  // namespace

struct PreTokenizer::Impl {
  std::vector<Code> chain;
};

PreTokenizer::PreTokenizer(std::span<const std::string_view> splits) {
  auto impl = std::make_unique<Impl>();
  for (const std::string_view name : splits) impl->chain.push_back(compile(name));
  impl_ = std::move(impl);
}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

void PreTokenizer::split(std::string_view valid, FunctionRef<void(std::string_view)> word) const {
  if (valid.empty()) return;
  Matcher matcher;
  split_chain(impl_->chain, matcher, valid, word);
}

}  // namespace dsa
