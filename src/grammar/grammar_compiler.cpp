#include "grammar/grammar_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <span>
#include <utility>

#include "base/numeric.h"
#include "base/sha256.h"
#include "grammar/regex_subset.h"
#include "grammar/schema_subset.h"
#include "grammar/xgrammar_core.h"

namespace dsa {
namespace {

// No other thread compiles while a child process is made: it would inherit a lock that nobody gives back.
std::mutex g_compiles;

std::string plain_ebnf(const std::string& text) {
  if (text.size() > kMostStructureBytes)
    throw StructureError(
        fmt::format("the grammar has {} bytes, at most {} are taken", text.size(), kMostStructureBytes));
  if (text.find('\0') != std::string::npos) throw StructureError("the grammar holds a NUL");
  return text;
}

std::string plain(const Structure& structure) {
  switch (structure.kind) {
    case StructureKind::json_object:
      return {};
    case StructureKind::json_schema:
      return plain_schema(structure.text);
    case StructureKind::regex:
      return plain_regex(structure.text, "the regular expression");
    case StructureKind::ebnf:
      return plain_ebnf(structure.text);
    case StructureKind::calls:
      if (structure.text.size() > kMostCallsBytes)
        throw StructureError(fmt::format("the tools' schemas have {} bytes, at most {} are taken",
                                         structure.text.size(), kMostCallsBytes));
      return structure.text;
  }
  return {};
}

std::string key_of(StructureKind kind, const std::string& plain) {
  Sha256 sum;
  sum.add(std::as_bytes(std::span(&kind, 1)));
  sum.add(std::as_bytes(std::span(plain)));
  return sum.hex();
}

[[noreturn]] void refuse(const Structure& structure, std::string_view why) {
  if (structure.kind == StructureKind::json_schema && why.find("oneOf") != std::string_view::npos)
    throw StructureError(fmt::format(
        "the schema's \"oneOf\" at {}: it does not show that no two of its schemas fit the same value; "
        "`anyOf` does not ask for that",
        printable(fmt::format("{}", fmt::join(places_of_one_of(structure.text), ", or at ")), 200)));
  throw StructureError(
      fmt::format("the {} cannot be compiled: {}", name(structure.kind), printable(why, 400)));
}

}  // namespace

GrammarCompiler::GrammarCompiler(const Tokenizer& tokenizer, std::int64_t vocabulary, GrammarLimits limits)
    : tokenizer_(tokenizer), vocabulary_(vocabulary), limits_(limits) {}
GrammarCompiler::~GrammarCompiler() = default;

std::shared_ptr<const Grammar> GrammarCompiler::compile(const Structure& structure) {
  const std::string text = plain(structure);
  const std::string key = key_of(structure.kind, text);
  if (auto found = find(key)) return found;
  const std::scoped_lock one_at_a_time(g_compiles);
  if (auto found = find(key)) return found;  // who was before us compiled it
  const GrammarCore& core = core_for(structure);
  const auto work = [&] { return core.compile(structure.kind, text); };
  try {
    // What we wrote ourselves needs no trial.
    if (structure.kind != StructureKind::json_object)
      try_in_child([&] { try_to_begin(*work()); }, limits_.compile);
    auto grammar = work();
    const std::size_t bytes = grammar->bytes() + text.size();
    if (bytes > limits_.kept_bytes)
      fail("it takes {} MiB, at most {}", bytes >> 20, limits_.kept_bytes >> 20);
    keep({.key = key, .grammar = grammar, .bytes = bytes});
    return grammar;
  } catch (const std::exception& error) {
    refuse(structure, error.what());
  }
}

void GrammarCompiler::try_to_begin(const Grammar& grammar) const {
  std::vector<std::uint32_t> bits(usize(ceil_div(vocabulary_, 32)));
  const std::clock_t start = std::clock();  // of the processor: others on the machine do not count
  grammar.start()->mask(bits);
  const double ms = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  if (ms > static_cast<double>(limits_.begin.count()))
    fail("to find what may come first takes {:.0f} ms, expected at most {}", ms, limits_.begin.count());
}

// A vocabulary takes its time and memory: another one only where marks are special tokens.
const GrammarCore& GrammarCompiler::core_for(const Structure& structure) {
  std::vector<std::string> marks = structure.marks;
  std::erase_if(marks, [&](const std::string& mark) {
    const auto id = tokenizer_.token_id(mark);
    return !id || !tokenizer_.is_special(*id);
  });
  auto& core = marks.empty() ? core_ : marked_core_;
  if (!core || (!marks.empty() && marks != marks_)) core = make_grammar_core(tokenizer_, vocabulary_, marks);
  if (!marks.empty()) marks_ = std::move(marks);
  return *core;
}

std::shared_ptr<const Grammar> GrammarCompiler::find(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(kept_, key, &Kept::key);
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return found->grammar;
}

// Whoever holds a grammar keeps it.
void GrammarCompiler::keep(Kept one) {
  const std::scoped_lock lock(mutex_);
  bytes_ += one.bytes;
  kept_.push_front(std::move(one));
  while (bytes_ > limits_.kept_bytes) {
    bytes_ -= kept_.back().bytes;
    kept_.pop_back();
  }
}

std::size_t GrammarCompiler::kept() const {
  const std::scoped_lock lock(mutex_);
  return kept_.size();
}
std::size_t GrammarCompiler::kept_bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace dsa
