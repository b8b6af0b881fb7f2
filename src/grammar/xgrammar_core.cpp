#include "grammar/xgrammar_core.h"

#include <dlpack/dlpack.h>
#include <xgrammar/xgrammar.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/numeric.h"

namespace dsa {
namespace {

// What the library warned of while this thread compiled.
thread_local std::string* t_warnings = nullptr;

constexpr std::string_view kAnyObject = R"({"type": "object"})";
// Between two tokens of JSON: enough to indent by, and no answer is blanks without end.
constexpr int kMostBlanks = 40;
// Of what grammars share, as strings and numbers of JSON: without it a schema of 10 KB takes 13 times as
// long.
constexpr std::int64_t kSharedBytes = std::int64_t{64} << 20;

class State final : public GrammarState {
 public:
  explicit State(xgrammar::GrammarMatcher matcher) : matcher_(std::move(matcher)) {}

  void mask(std::span<std::uint32_t> bits) override {
    std::int64_t words = std::ssize(bits);
    DLTensor tensor{.data = bits.data(),
                    .device = {kDLCPU, 0},
                    .ndim = 1,
                    .dtype = {kDLInt, 32, 1},
                    .shape = &words,
                    .strides = nullptr,
                    .byte_offset = 0};
    guarded([&] { return matcher_.FillNextTokenBitmask(&tensor), true; });
    if (broken_) std::ranges::fill(bits, 0U);
  }
  bool accept(std::int32_t token) override {
    return guarded([&] { return matcher_.AcceptToken(token); });
  }
  [[nodiscard]] bool complete() const override { return !broken_ && matcher_.IsCompleted(); }
  [[nodiscard]] std::unique_ptr<GrammarState> clone() const override {
    return std::make_unique<State>(matcher_.Fork());
  }

 private:
  // A fault of the library leaves this answer without a way on, and nobody else.
  bool guarded(const std::function<bool()>& step) {
    if (broken_) return false;
    try {
      return step();
    } catch (const std::exception&) {
      broken_ = true;
      return false;
    }
  }

  xgrammar::GrammarMatcher matcher_;
  bool broken_ = false;
};

class Compiled final : public Grammar {
 public:
  explicit Compiled(xgrammar::CompiledGrammar compiled) : compiled_(std::move(compiled)) {}
  [[nodiscard]] std::unique_ptr<GrammarState> start() const override {
    return std::make_unique<State>(xgrammar::GrammarMatcher(compiled_));
  }
  [[nodiscard]] std::size_t bytes() const override { return compiled_.MemorySizeBytes(); }

 private:
  xgrammar::CompiledGrammar compiled_;
};

// Control tokens are "": they stand for no text.  No token stops an answer as far as the library knows.
xgrammar::TokenizerInfo vocabulary_of(const Tokenizer& tokenizer, std::int64_t vocabulary,
                                      std::span<const std::string> marks) {
  std::vector<std::string> pieces(usize(std::min<std::int64_t>(tokenizer.vocab_size(), vocabulary)));
  for (std::size_t id = 0; id < pieces.size(); ++id)
    if (const auto token = static_cast<std::int32_t>(id); !tokenizer.is_special(token))
      pieces[id] = tokenizer.piece(token);
  for (const std::string& mark : marks)
    if (const auto id = tokenizer.token_id(mark); id && usize(*id) < pieces.size()) pieces[usize(*id)] = mark;
  return {pieces, xgrammar::VocabType::RAW, static_cast<int>(vocabulary), std::vector<std::int32_t>{}};
}

class Core final : public GrammarCore {
 public:
  Core(const Tokenizer& tokenizer, std::int64_t vocabulary, std::span<const std::string> marks)
      : compiler_(vocabulary_of(tokenizer, vocabulary, marks), /*max_threads=*/1, /*cache_enabled=*/true,
                  kSharedBytes) {}

  [[nodiscard]] std::shared_ptr<const Grammar> compile(StructureKind kind,
                                                       const std::string& plain) const override {
    std::string warnings;
    t_warnings = &warnings;
    try {
      auto compiled = run(kind, plain);
      t_warnings = nullptr;
      if (!warnings.empty()) fail("{}", warnings);
      return std::make_shared<Compiled>(std::move(compiled));
    } catch (...) {
      t_warnings = nullptr;
      throw;
    }
  }

 private:
  [[nodiscard]] xgrammar::CompiledGrammar run(StructureKind kind, const std::string& plain) const {
    xgrammar::GrammarCompiler compiler = compiler_;  // shares what it is made of
    switch (kind) {
      case StructureKind::json_object:
        return schema(compiler, std::string(kAnyObject));
      case StructureKind::json_schema:
        return schema(compiler, plain);
      case StructureKind::regex:
        return compiler.CompileRegex(plain);
      case StructureKind::ebnf:
        return compiler.CompileGrammar(plain);
      case StructureKind::calls:
        return compiler.CompileStructuralTag(plain);
    }
    fail("no such kind of structure");
  }
  static xgrammar::CompiledGrammar schema(xgrammar::GrammarCompiler& compiler, const std::string& text) {
    return compiler.CompileJSONSchema(text, /*any_whitespace=*/true, /*indent=*/std::nullopt,
                                      /*separators=*/std::nullopt, /*strict_mode=*/false, kMostBlanks);
  }

  xgrammar::GrammarCompiler compiler_;
};

}  // namespace

std::unique_ptr<const GrammarCore> make_grammar_core(const Tokenizer& tokenizer, std::int64_t vocabulary,
                                                     std::span<const std::string> marks) {
  return std::make_unique<Core>(tokenizer, vocabulary, marks);
}

}  // namespace dsa

// What the library says goes through these two (XGRAMMAR_LOG_CUSTOMIZE).
namespace xgrammar {

[[noreturn]] void LogFatalImpl(const std::string&, int, const std::string& message) {
  throw dsa::Error(message);
}

void LogMessageImpl(const std::string&, int, int level, const std::string& message) {
  constexpr int kWarning = 2;
  if (level != kWarning || dsa::t_warnings == nullptr) return;
  if (!dsa::t_warnings->empty()) *dsa::t_warnings += "; ";
  *dsa::t_warnings += message;
}

}  // namespace xgrammar
