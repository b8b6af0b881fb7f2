#include "cli/rl_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/svg_plot.h"
#include "base/who.h"
#include "cli/command.h"
#include "cli/rl.h"
#include "cli/rl_recipe_page.h"
#include "cli/terminal.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kSpecialistGain = 15, kMastered = 95, kDistilledShare = 0.9, kMixedBelow = -2;  // points

using Values = std::vector<double>;

double percent_of(const Values& solved) {
  double sum = 0;
  for (const double one : solved) sum += one;
  return solved.empty() ? 0 : 100 * sum / static_cast<double>(solved.size());
}

// In points, of one model over another at the same tasks.
Values gains_of(const Values& model, const Values& other) {
  DSA_CHECK(model.size() == other.size());
  Values out;
  for (std::size_t i = 0; i < model.size(); ++i) out.push_back(100 * (model[i] - other[i]));
  return out;
}
double mean(const Values& values) {
  double sum = 0;
  for (const double one : values) sum += one;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::string own_specialist(const std::string& domain) { return "specialist-" + domain; }

// The model whose tasks of `domain` count: a fixed one, or each domain's specialist.
const Values& of(const RecipeResult& run, const std::string& model, const std::string& domain) {
  const std::string& name = model == "in-a-row" ? run.in_a_row : model;
  const auto found = run.solved.find(name == "specialist" ? own_specialist(domain) : name);
  if (found == run.solved.end() || !found->second.contains(domain))
    fail("{}: its evaluation lacks {} at {}", printable(run.folder, 1000), name, domain);
  return found->second.at(domain);
}

// Paired differences over some domains, each run's alone and all together.
Claim compare(std::span<const RecipeResult> runs, std::span<const RecipeResult> others,
              const std::string& model, const std::string& other, std::span<const std::string> domains) {
  Claim out;
  Values all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Values own;
    for (const auto& domain : domains) {
      const auto gains = gains_of(of(runs[i], model, domain), of(others[i], other, domain));
      own.insert(own.end(), gains.begin(), gains.end());
    }
    out.seeds.push_back(mean(own));
    all.insert(all.end(), own.begin(), own.end());
  }
  const auto difference = paired_difference(all);
  out.value = difference.mean;
  out.interval = difference.interval;
  return out;
}

Claim specialist(std::span<const RecipeResult> runs, const std::string& domain) {
  const std::string domains[] = {domain};
  Claim out = compare(runs, runs, "specialist", "start", domains);
  double solved = 0;
  for (const auto& run : runs)
    solved += percent_of(of(run, "specialist", domain)) / static_cast<double>(runs.size());
  out.what = fmt::format("the specialist of {} over its start (it solves {:.1f} %)", domain, solved);
  out.asked = "+15, or 95 % solved";
  out.holds = out.value >= kSpecialistGain || solved >= kMastered;
  return out;
}

Claim distilled(std::span<const RecipeResult> runs, std::span<const std::string> domains) {
  Claim out;
  out.what = "what the distilled model gained, as a share of its specialists' gain";
  out.asked = "0.9";
  double gained = 0, specialists = 0;
  for (const auto& run : runs) {
    const std::span alone(&run, 1);
    const double own = compare(alone, alone, "distilled", "start", domains).value;
    const double theirs = compare(alone, alone, "specialist", "start", domains).value;
    out.seeds.push_back(theirs == 0 ? 0 : own / theirs);
    gained += own;
    specialists += theirs;
  }
  out.value = specialists == 0 ? 0 : gained / specialists;
  out.holds = specialists > 0 && out.value >= kDistilledShare;
  return out;
}

// Where the control lost most of what the specialist could.
Claim forgets_less(std::span<const RecipeResult> runs, std::span<const std::string> domains) {
  std::optional<Claim> worst;
  double lowest = 0;
  for (const auto& domain : domains) {
    double least = 0;
    for (const auto& run : runs)
      least += percent_of(of(run, "in-a-row", domain)) - percent_of(of(run, "specialist", domain));
    if (worst && least >= lowest) continue;
    lowest = least;
    const std::string alone[] = {domain};
    worst = compare(runs, runs, "mixed", "in-a-row", alone);
    worst->what = "one mixed stage over one domain after the other, where the latter lost most: " + domain;
  }
  worst->asked = "above 0, significantly";
  worst->holds = worst->interval && worst->interval->low > 0;
  return *worst;
}

}  // namespace

RecipeResult read_recipe(const fs::path& folder) {
  RecipeResult out{.folder = folder.string(), .domains = {}, .solved = {}, .in_a_row = {}};
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("eval-") && name.ends_with(".json")) files.push_back(entry.path());
  }
  if (error) fail("{}: cannot be listed: {}", who(folder), error.message());
  if (files.empty()) fail("{}: no evaluation of dsa rl recipe is there (eval-*.json)", who(folder));
  std::ranges::sort(files);
  for (const auto& path : files) {
    const MappedFile file(path.string());
    const auto json =
        parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, who(path));
    const std::string model = path.stem().string().substr(std::string_view("eval-").size());
    try {
      std::vector<std::string> domains;
      for (const auto& row : json.at("rows"))
        if (json.at("each").contains(row.at("domain").get<std::string>()))
          domains.push_back(row.at("domain").get<std::string>());
      if (out.domains.empty()) out.domains = domains;
      for (const auto& domain : domains)
        for (const char digit : json.at("each").at(domain).get<std::string>())
          out.solved[model][domain].push_back(digit == '1' ? 1 : 0);
    } catch (const nlohmann::json::exception&) {
      fail("{}: is no result of dsa rl eval --to", who(path));
    }
    if (model.starts_with("in-a-row-")) out.in_a_row = model;
  }
  return out;
}

double percent_solved(const RecipeResult& run, const std::string& model, const std::string& domain) {
  return percent_of(of(run, model, domain));
}

std::vector<Claim> claims(std::span<const RecipeResult> runs, std::span<const RecipeResult> dense) {
  DSA_CHECK(!runs.empty());
  const auto& domains = runs.front().domains;
  for (const auto& list : {runs, dense})
    for (const auto& run : list)
      if (run.domains != domains)
        fail("{}: is of other domains than {}", printable(run.folder, 1000),
             printable(runs.front().folder, 1000));
  std::vector<Claim> out;
  for (const auto& domain : domains) out.push_back(specialist(runs, domain));
  out.push_back(distilled(runs, domains));
  Claim mixed = compare(runs, runs, "mixed", "specialist", domains);
  mixed.what = "the mixed stage over the specialists, each in its own domain";
  mixed.asked = "-2";
  mixed.holds = mixed.value >= kMixedBelow;
  out.push_back(std::move(mixed));
  out.push_back(forgets_less(runs, domains));
  if (dense.empty()) return out;
  if (dense.size() > runs.size())
    fail("--dense: expected at most as many folders as there are runs, {}; got {}", runs.size(),
         dense.size());
  Claim sparse = compare(runs.first(dense.size()), dense, "mixed", "mixed", domains);
  sparse.what = "the mixed model, trained and played sparsely over densely";
  sparse.asked = "the interval holds 0";
  sparse.holds = sparse.interval && sparse.interval->low <= 0 && sparse.interval->high >= 0;
  out.push_back(std::move(sparse));
  return out;
}

std::string claims_text(std::span<const Claim> all) {
  std::string out =
      fmt::format("{:>8}  {:<18} {:<22} {:<5} {}\n", "points", "95 %, paired", "asked", "holds", "what");
  for (const Claim& claim : all) {
    const std::string range =
        claim.interval ? fmt::format("{:+.1f} .. {:+.1f}", claim.interval->low, claim.interval->high) : "";
    out += fmt::format("{:>+8.2f}  {:<18} {:<22} {:<5} {}", claim.value, range, claim.asked,
                       claim.holds ? "yes" : "no", claim.what);
    if (claim.seeds.size() > 1) {
      out += "; by run";
      for (const double one : claim.seeds) out += fmt::format(" {:+.2f}", one);
    }
    out += "\n";
  }
  return out;
}

std::string claims_html(std::span<const Claim> all) {
  std::string out =
      "<table>\n<tr><td>what</td><td>points</td><td>95 %, paired</td><td>asked</td><td>holds</td></tr>\n";
  for (const Claim& claim : all)
    out += fmt::format(
        "<tr><td>{}</td><td>{:+.2f}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", html_escaped(claim.what),
        claim.value,
        claim.interval ? fmt::format("{:+.1f} .. {:+.1f}", claim.interval->low, claim.interval->high) : "",
        html_escaped(claim.asked), claim.holds ? "yes" : "no");
  return out + "</table>\n";
}

Action declare_rl_claims(Command command) {
  struct Order {
    std::vector<std::string> runs, dense;
    std::string report;
  };
  auto o = std::make_shared<Order>();
  command.add_option("recipe", o->runs, "folders of dsa rl recipe, of other seeds")
      .type_name("DIR...")
      .required();
  command
      .add_option("--dense", o->dense, "the first of these seeds with --attention dense, in the same order")
      .type_name("DIR...");
  command.add_option("--report", o->report, "a page with this table, and what is solved, drawn")
      .type_name("FILE.html");
  command.footer(
      "What was announced of the recipe, and what came out here: gains in points, paired over all tasks.\n\n"
      "Example:\n  dsa rl claims seed-0 seed-1 seed-2 --dense dense-0 dense-1 dense-2\n");
  return [o] {
    std::vector<RecipeResult> runs, dense;
    for (const auto& folder : o->runs) runs.push_back(read_recipe(folder));
    for (const auto& folder : o->dense) dense.push_back(read_recipe(folder));
    if (!o->report.empty()) write_file(o->report, claims_page(runs, dense));
    print(claims_text(claims(runs, dense)));
    return kDone;
  };
}

}  // namespace dsa::cli
