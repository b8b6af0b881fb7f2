#include "cli/settings.h"

#include <fmt/format.h>

#include <array>

namespace dsa::cli {
namespace {

struct Setting {
  std::string_view name;  // in the library
  std::string_view flag;
};
constexpr std::array<Setting, 15> kSettings{{{"attention", "--attention"},
                                             {"chat_format", "--chat-format"},
                                             {"chunk", "--chunk"},
                                             {"compute", "--compute"},
                                             {"context", "--ctx"},
                                             {"force_indexer", "--force-indexer"},
                                             {"index_topk", "--top-k"},
                                             {"indexer", "--indexer"},
                                             {"lengths", "--lengths"},
                                             {"out", "--out"},
                                             {"random_indexer", "--random-indexer"},
                                             {"raw", "--raw"},
                                             {"state", "--state"},
                                             {"step", "--step"},
                                             {"threads", "--threads"}}};

}  // namespace

std::string as_typed(std::string_view sentence) {
  std::string out(sentence);
  for (const Setting& setting : kSettings) {
    const std::string quoted = fmt::format("`{}`", setting.name);
    for (auto at = out.find(quoted); at != std::string::npos; at = out.find(quoted, at))
      out.replace(at, quoted.size(), setting.flag);
  }
  return out;
}

}  // namespace dsa::cli
