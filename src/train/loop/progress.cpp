#include "train/loop/progress.h"

#include "base/error.h"
#include "base/log.h"
#include "base/who.h"
#include "checkpoint/fingerprint.h"

namespace dsa::train {

Progress first_progress(const Budget& budget) {
  DSA_CHECK((budget.tokens > 0) != (budget.hours > 0));
  return {.budget = budget.tokens, .hours = budget.hours};
}

Identity identity_of(const ModelFiles& files, std::span<const Document> text) {
  return {.model = fingerprint(*files.tensors, files.config),
          .weights = weights_digest(*files.tensors),
          .corpus = corpus_hash(text)};
}

void check_identity(const Identity& then, const Identity& now, const std::filesystem::path& model,
                    const std::filesystem::path& folder) {
  const std::string file = who(folder / kCheckpointFile);
  if (now.model != then.model)
    fail("{}: was trained for the model with fingerprint {}, {} has {}", file, printable(then.model),
         who(model), now.model);
  if (!then.weights.empty() && now.weights != then.weights)
    fail(
        "{}: was trained on weights with digest {}, {} has {}: another quantisation, or trained further; "
        "give the file it began with",
        file, printable(then.weights), who(model), now.weights);
  if (then.weights.empty() && !now.weights.empty())
    warn("{}: has no digest of the weights it was trained on: not checked that {} holds the same", file,
         who(model));
  if (now.corpus != then.corpus)
    fail("{}: was trained on text with SHA-256 {}, the text given has {}: give the same files", file,
         printable(then.corpus), now.corpus);
}

}  // namespace dsa::train
