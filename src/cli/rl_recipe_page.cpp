#include "cli/rl_recipe_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/svg_plot.h"
#include "base/who.h"
#include "cli/rl_claims.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTitle = "Specialists, distilled into one model, and one mixed stage";

// In the order in which they come to be; the specialist is that of the domain.
struct Stage {
  const char* model;
  const char* title;
};
constexpr Stage kStages[] = {{"start", "start"},
                             {"specialist", "its specialist"},
                             {"distilled", "distilled"},
                             {"mixed", "mixed"},
                             {"in-a-row", "in a row"}};

double mean_solved(std::span<const RecipeResult> runs, const char* model, const std::string& domain) {
  double sum = 0;
  for (const auto& run : runs) sum += percent_solved(run, model, domain);
  return sum / static_cast<double>(runs.size());
}

// Claims, and what is solved by domain: as a table and drawn.
std::string together(std::span<const RecipeResult> runs, std::span<const RecipeResult> dense) {
  std::string out = claims_html(claims(runs, dense)) + "<table>\n<tr><td>solved, %</td>";
  std::string stages;
  for (std::size_t i = 0; i < std::size(kStages); ++i) {
    out += fmt::format("<td>{}</td>", kStages[i].title);
    stages += fmt::format("{}{}: {}", i > 0 ? ", " : "", i, kStages[i].title);
  }
  out += "</tr>\n";
  std::vector<Curve> curves;
  for (const auto& domain : runs.front().domains) {
    out += fmt::format("<tr><td>{}</td>", html_escaped(domain));
    auto& points = curves.emplace_back(Curve{.label = domain, .points = {}}).points;
    for (const Stage& stage : kStages) {
      const double solved = mean_solved(runs, stage.model, domain);
      out += fmt::format("<td>{:.1f}</td>", solved);
      points.emplace_back(static_cast<double>(points.size()), solved);
    }
    out += "</tr>\n";
  }
  return out + "</table>\n" + svg_plot("solved, %", stages, curves, Scale::linear);
}

// What one model solves, as dsa rl eval --to wrote it.
std::string table(const std::string& name, const fs::path& path) {
  const MappedFile file(path.string());
  const auto result =
      parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, who(path));
  const std::string beside = fs::path(result.at("beside").get<std::string>()).stem().string();
  std::string out = fmt::format(
      "<h3>{}{}</h3>\n<table>\n<tr><td>domain</td><td>solved</td><td>95 %</td>"
      "<td>gain</td><td>95 %, paired</td></tr>\n",
      html_escaped(name),
      beside.empty() ? "" : ", beside " + html_escaped(beside.substr(beside.find('-') + 1)));
  const auto range = [](const nlohmann::json& x) {
    return x.is_array() ? fmt::format("{:.1f} .. {:.1f}", 100 * x[0].get<double>(), 100 * x[1].get<double>())
                        : std::string();
  };
  for (const auto& row : result.at("rows"))
    out += fmt::format("<tr><td>{}</td><td>{:.1f} %</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                       html_escaped(row.at("domain").get<std::string>()),
                       100 * row.at("solved").get<double>(), range(row.at("interval")),
                       row.contains("gain") ? fmt::format("{:+.1f}", 100 * row["gain"].get<double>()) : "",
                       row.contains("gain") ? range(row["gain_interval"]) : "");
  return out + "</table>\n";
}

std::string section(const std::string& title, const fs::path& folder) {
  const RecipeResult run = read_recipe(folder);
  std::string out = fmt::format("<h2>{}</h2>\n", html_escaped(title)) + together({{run}}, {});
  std::vector<std::string> models{"start"};
  for (const auto& domain : run.domains) models.push_back("specialist-" + domain);
  models.insert(models.end(), {"distilled", run.in_a_row, "mixed"});
  for (const auto& model : models) {
    const fs::path path = folder / ("eval-" + model + ".json");
    try {
      out += table(model, path);
    } catch (const nlohmann::json::exception&) {
      fail("{}: is no result of dsa rl eval --to", who(path));
    }
  }
  return out;
}

}  // namespace

std::string recipe_page(const fs::path& folder) {
  return html_page("dsa rl recipe",
                   fmt::format("<h1>{}</h1>\n", kTitle) + section("By the likeliest token", folder) +
                       section("Drawn at temperature 1, as in training", folder / kSampledFolder));
}

std::string claims_page(std::span<const RecipeResult> runs, std::span<const RecipeResult> dense) {
  std::string folders;
  for (const auto& run : runs) folders += (folders.empty() ? "" : ", ") + run.folder;
  return html_page("dsa rl claims", fmt::format("<h1>{}</h1>\n<p>{}</p>\n", kTitle, html_escaped(folders)) +
                                        together(runs, dense));
}

}  // namespace dsa::cli
