// Models that the tests of `dsa eval` read text with (testing/text_model.h):
//   make_text_model model GOLDEN FOLDER              a golden model and a tokenizer of one token a byte
//   make_text_model chat GOLDEN FOLDER               the same with a chat format
//   make_text_model indexer MODEL FOLDER HxD TOPK    an untrained indexer for a model of the Llama family
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "testing/text_model.h"

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "model" && argc == 4) {
    dsa::test::write_text_model(argv[2], argv[3]);
  } else if (what == "chat" && argc == 4) {
    dsa::test::write_chat_model(argv[2], argv[3]);
  } else if (what == "indexer" && argc == 6) {
    dsa::test::write_indexer_folder(argv[2], argv[3], dsa::parse_indexer_shape(argv[4]), std::atoll(argv[5]));
  } else {
    std::fprintf(stderr, "usage: %s model|chat GOLDEN FOLDER | indexer MODEL FOLDER HEADSxDIM TOPK\n",
                 argv[0]);
    return 2;
  }
  return 0;
}
