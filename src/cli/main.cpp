// dsa VERB MODEL [options]: the table of verbs.
#include <array>

#include "cli/program.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 17> kVerbs{{
    {"chat", "talk in the terminal", declare_chat},
    {"run", "one answer to stdout", declare_run},
    {"serve", "answers over HTTP, with OpenAI's API", declare_serve},
    {"keys", "who may ask a server, and for how much: create, list, revoke, limit", declare_keys},
    {"usage", "who used what of a server, and what it cost", declare_usage},
    {"ps", "what a server has in memory, and what it does", declare_ps},
    {"connect", "what a client needs to work with a server: claude, codex, aider, env", declare_connect},
    {"inspect", "what a checkpoint holds, what it costs and which kernels will run it", declare_inspect},
    {"tokenize", "text from stdin to token ids, and back", declare_tokenize},
    {"logits", "logits of every position to a file", declare_logits},
    {"bench", "speed by depth, beside the machine's ceilings", declare_bench},
    {"cost", "what a million tokens cost here, beside what APIs take for them", declare_cost},
    {"compare", "two models, modes or servers side by side, in numbers", declare_compare},
    {"eval", "how good the answers are, and what sparse attention costs them", declare_eval},
    {"cache", "what is kept on disk of texts that were read: list, verify, clear", declare_cache},
    {"train", "give a model a lightning indexer of its own", declare_train},
    {"rl", "tasks with rules that judge them, to train a model by reward", declare_rl},
}};

}  // namespace
}  // namespace dsa::cli

int main(int argc, char** argv) {
  return dsa::cli::run_program(
      {.name = "dsa",
       .summary = "dsa.cpp: runs models with DeepSeek Sparse Attention.",
       .footer =
           "Example:\n  dsa run smollm2 --prompt \"What is a sparse matrix?\"\n\nEvery verb has --help.\n",
       .verbs = dsa::cli::kVerbs},
      argc, argv);
}
