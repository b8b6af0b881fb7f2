#include "text/text_manifest.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;  // of the manifest, and of what a seed means

// Every setting under its name.
template <class Settings, class Visit>
void for_each(Settings& s, Visit&& visit) {
  visit("model", s.model);
  visit("fingerprint", s.fingerprint);
  visit("passages_sha256", s.passages);
  visit("ctx", s.tokens);
  visit("seed", s.seed);
}

}  // namespace

TextManifest::TextManifest(const fs::path& folder, TextSettings settings)
    : path_(folder / kManifestFile), who_(printable(path_.string(), 1000)), settings_(std::move(settings)) {
  if (!fs::exists(path_)) return;
  const MappedFile file(path_);
  const nlohmann::json root =
      parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.size()}, who_);
  try {
    read(root);
  } catch (const nlohmann::json::exception&) {
    fail("{}: is no manifest of dsa train text: give another `out`", who_);
  }
}

void TextManifest::read(const nlohmann::json& root) {
  if (const int format = root.at("format"); format != kFormat)
    fail("{}: has format {}, this program makes {}: give another `out`", who_, format, kFormat);
  for_each(settings_, [&](const char* name, const auto& now) {
    const auto then = root.at(name).get<std::decay_t<decltype(now)>>();
    if (then != now)
      fail(
          "{}: its documents were made with {} {}, not {}: "
          "give the same model, text and options, or another `out`",
          who_, name, then, now);
  });
  for (const auto& item : root.at("documents"))
    if (const std::string file = item.at("file"); fs::exists(path_.parent_path() / file))
      documents_[file] = {
          .bytes = item.at("bytes"), .tokens = item.at("tokens"), .sha256 = item.at("sha256")};
}

void TextManifest::add(const std::string& file, const MadeText& made) {
  const auto [listed, is_new] = documents_.emplace(file, made);
  if (!is_new && listed->second != made)
    fail("{}: {} was changed since it was made (SHA-256 {}, now {}): remove it and run this again", who_,
         printable(file), listed->second.sha256, made.sha256);
}

void TextManifest::write() const {
  nlohmann::ordered_json root{{"format", kFormat}};
  for_each(settings_, [&](const char* name, const auto& value) { root[name] = value; });
  std::int64_t tokens = 0;
  auto list = nlohmann::ordered_json::array();
  for (const auto& [file, made] : documents_) {
    list.push_back({{"file", file}, {"bytes", made.bytes}, {"tokens", made.tokens}, {"sha256", made.sha256}});
    tokens += made.tokens;
  }
  root["count"] = documents_.size();
  root["tokens"] = tokens;
  root["documents"] = std::move(list);
  write_file(path_, json_text(root, 1) + "\n");
}

}  // namespace dsa
