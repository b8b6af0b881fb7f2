#include "cli/rl_recipe_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/svg_plot.h"
#include "base/who.h"
#include "cli/rl_claims.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

// Solved by domain: the specialist is that of the domain.
std::string overview(const RecipeResult& run) {
  std::string out =
      "<table>\n<tr><td>solved, %</td><td>start</td><td>its specialist</td><td>distilled</td>"
      "<td>mixed</td><td>in a row</td></tr>\n";
  for (const auto& domain : run.domains) {
    out += fmt::format("<tr><td>{}</td>", html_escaped(domain));
    for (const char* model : {"start", "specialist", "distilled", "mixed", "in-a-row"})
      out += fmt::format("<td>{:.1f}</td>", percent_solved(run, model, domain));
    out += "</tr>\n";
  }
  return out + "</table>\n";
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
  std::string out =
      fmt::format("<h2>{}</h2>\n", html_escaped(title)) + claims_html(claims({{run}}, {})) + overview(run);
  std::vector<std::string> models{"start"};
  for (const auto& domain : run.domains) models.push_back("specialist-" + domain);
  models.insert(models.end(), {"distilled", run.in_a_row, "mixed"});
  for (const auto& model : models) out += table(model, folder / ("eval-" + model + ".json"));
  return out;
}

}  // namespace

std::string recipe_page(const fs::path& folder) {
  return html_page("dsa rl recipe",
                   "<h1>Specialists, distilled into one model, and one mixed stage</h1>\n" +
                       section("By the likeliest token", folder) +
                       section("Drawn at temperature 1, as in training", folder / kSampledFolder));
}

}  // namespace dsa::cli
