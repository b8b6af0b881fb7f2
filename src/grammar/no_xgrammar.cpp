// In the place of xgrammar_core.cpp, where the library is not built.
#include "grammar/xgrammar_core.h"

namespace dsa {

std::unique_ptr<const GrammarCore> make_grammar_core(const Tokenizer&, std::int64_t,
                                                     std::span<const std::string>) {
  fail("this build holds no answer to a structure: it was configured with DSA_GRAMMAR=OFF");
}

}  // namespace dsa
