// dsa cache list|verify|clear: what is kept on disk of texts that were read.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "cli/model_report.h"
#include "cli/options.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "engine/cache_folder.h"
#include "engine/page_file.h"
#include "engine/page_worth.h"
#include "engine/prefix_key.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct CacheOptions {
  bool json = false;
  bool repair = false;
  std::string model;
  std::int64_t older_than = -1;  // days
};

struct Folder {
  fs::path path;
  CachedModel about;
  std::vector<PageOnDisk> pages;
};

// Of all models, or of those whom a person calls so: by name, or by the folder's.
std::vector<Folder> folders(const std::string& model = {}) {
  std::vector<Folder> found;
  std::vector<std::string> names;
  for (const auto& path : model_folders(default_cache_folder())) {
    CachedModel about = described_model(path);
    names.push_back(printable(about.model.empty() ? path.filename().string() : about.model));
    if (model.empty() || about.model == model || path.filename() == model)
      found.push_back({.path = path, .about = std::move(about), .pages = pages_in(path)});
  }
  if (found.empty() && !model.empty())
    fail("{}: holds no pages of {}, only of: {}", who(default_cache_folder()), printable(model),
         names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
  return found;
}

struct Total {
  std::int64_t pages = 0, bytes = 0;
  double last_use = 0;

  void add(const PageOnDisk& page) {
    ++pages;
    bytes += page.bytes;
    last_use = std::max(last_use, page.last_use);
  }
  [[nodiscard]] std::int64_t tokens() const { return pages * kPageTokens; }
};

Total total_of(std::span<const PageOnDisk> pages) {
  Total total;
  for (const auto& page : pages) total.add(page);
  return total;
}

std::string time_text(double seconds, const char* format, bool utc) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  if ((utc ? ::gmtime_r(&time, &parts) : ::localtime_r(&time, &parts)) == nullptr) return "";
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

void add_figures(Json& json, const Total& total) {
  json["pages"] = total.pages;
  json["tokens"] = total.tokens();
  json["bytes"] = total.bytes;
  json["last_use"] = total.pages == 0 ? Json() : Json(time_text(total.last_use, "%Y-%m-%dT%H:%M:%SZ", true));
}

int list(const CacheOptions& options) {
  const fs::path cache = default_cache_folder();
  const auto kept = disk_cache({});
  const std::int64_t limit = !kept ? 0 : kept->bytes > 0 ? kept->bytes : default_cache_bytes(cache);
  Json json{{"folder", cache.string()}, {"limit_bytes", limit}};
  Json models = Json::array();
  std::string text = fmt::format("{:<16}  {:<24}{:>8}{:>10}{:>12}  {}\n", "folder", "model", "pages",
                                 "tokens", "bytes", "last used");
  Total all;
  for (const Folder& folder : folders()) {
    const Total total = total_of(folder.pages);
    const std::string name = folder.path.filename().string();
    Json model{{"folder", name}, {"model", folder.about.model}, {"weights", folder.about.weights}};
    add_figures(model, total);
    models.push_back(std::move(model));
    text += fmt::format("{:<16}  {:<24}{:>8}{:>10}{:>12}  {}\n", name, printable(folder.about.model),
                        total.pages, total.tokens(), human_bytes(total.bytes),
                        total.pages == 0 ? "" : time_text(total.last_use, "%Y-%m-%d %H:%M", false));
    for (const auto& page : folder.pages) all.add(page);
  }
  add_figures(json, all);
  json["models"] = std::move(models);
  text += fmt::format("{:<42}{:>8}{:>10}{:>12}  of at most {}\n", "all", all.pages, all.tokens(),
                      human_bytes(all.bytes), human_bytes(limit));
  print(options.json ? json_text(json, 2) + "\n" : text);
  return kDone;
}

std::string_view why_bad(PageRead read) {
  switch (read) {
    case PageRead::damaged:
      return "is damaged";
    case PageRead::foreign:
      return "is no page, that of another name, or of another version of dsa";
    case PageRead::failed:
      return "cannot be read";
    case PageRead::found:
    case PageRead::missing:  // let go meanwhile
      break;
  }
  return "";
}

int verify(const CacheOptions& options) {
  const std::vector<Folder> all = folders();
  std::int64_t pages = 0, checked = 0, removed = 0;
  for (const Folder& folder : all) pages += std::ssize(folder.pages);
  ProgressLine progress({.verb = "reading", .unit = "pages", .speed = "pages/s"});
  Json bad = Json::array();
  std::string text;
  for (const Folder& folder : all)
    for (const PageOnDisk& page : folder.pages) {
      const fs::path path = page_path(folder.path, page.key);
      const PageRead read = verify_page(file_calls(), path, page.key);
      progress.update(++checked, pages);
      if (why_bad(read).empty()) continue;
      std::error_code none;
      const bool gone = options.repair && fs::remove(path, none);
      removed += gone ? 1 : 0;
      bad.push_back({{"path", path.string()}, {"problem", why_bad(read)}, {"removed", gone}});
      text += fmt::format("{}: {}{}\n", who(path), why_bad(read), gone ? ": removed" : "");
    }
  progress.clear();
  const auto left = std::ssize(bad) - removed;
  text += fmt::format("{} pages read, {} bad, {} removed\n", checked, bad.size(), removed);
  const Json json{{"pages", checked}, {"bad", bad}, {"removed", removed}};
  print(options.json ? json_text(json, 2) + "\n" : text);
  if (left > 0)
    fail("{}: {} of {} pages cannot be used: {}", who(default_cache_folder()), left, checked,
         options.repair ? "they cannot be removed either" : "`dsa cache verify --repair` removes them");
  return kDone;
}

int clear(const CacheOptions& options) {
  const double now = moment_now();
  const double before =
      options.older_than < 0 ? now + 1e12 : now - 86400.0 * static_cast<double>(options.older_than);
  Total total;
  for (const Folder& folder : folders(options.model)) {
    sweep_unfinished(file_calls(), folder.path);
    for (const PageOnDisk& page : folder.pages) {
      if (page.last_use > before) continue;
      const fs::path path = page_path(folder.path, page.key);
      std::error_code failed;
      if (fs::remove(path, failed)) total.add(page);
      if (failed) fail("{}: cannot remove it: {}", who(path), failed.message());
    }
    remove_if_empty(folder.path);
  }
  const Json json{{"pages", total.pages}, {"tokens", total.tokens()}, {"bytes", total.bytes}};
  print(options.json ? json_text(json, 2) + "\n"
                     : fmt::format("{} pages removed, {}\n", total.pages, human_bytes(total.bytes)));
  return kDone;
}

using SharedOptions = std::shared_ptr<CacheOptions>;

SharedOptions add_common(Command command) {
  auto options = std::make_shared<CacheOptions>();
  command.add_flag("--json", options->json, "one JSON object on stdout");
  return options;
}

Action declare_list(Command command) {
  const SharedOptions options = add_common(command);
  command.footer("Example:\n  dsa cache list\n");
  return [options] { return list(*options); };
}

Action declare_verify(Command command) {
  const SharedOptions options = add_common(command);
  command.add_flag("--repair", options->repair, "remove what is found to be damaged");
  command.footer(
      "Reads every page.  A damaged one is never used, found or not: its tokens are computed again.\n\n"
      "Example:\n  dsa cache verify --repair\n");
  return [options] { return verify(*options); };
}

Action declare_clear(Command command) {
  const SharedOptions options = add_common(command);
  const Option model =
      command.add_option("--model", options->model, "pages of this model alone (cache list)");
  command.add_option("--older-than", options->older_than, "pages that were not used for so many days")
      .type_name("DAYS")
      .check(whole<std::int64_t>(0, 1'000'000))
      .excludes(model);
  command.footer(
      "Programs that run meanwhile compute again what they miss.\n\n"
      "Example:\n  dsa cache clear --older-than 30\n");
  return [options] { return clear(*options); };
}

constexpr std::array<Verb, 3> kCacheVerbs{{
    {"list", "which models' pages there are, and how much room they take", declare_list},
    {"verify", "read all pages and say which are damaged", declare_verify},
    {"clear", "remove pages", declare_clear},
}};

}  // namespace

Action declare_cache(Command command) {
  command.footer(
      "What a model made of a text that it has read is kept in $DSA_HOME/cache, so that it need not be read\n"
      "again.  The pages of least use go by themselves when there are too many.\n\n"
      "Example:\n  dsa cache list\n\nEach has --help.\n");
  return declare_parts(command, kCacheVerbs);
}

}  // namespace dsa::cli
