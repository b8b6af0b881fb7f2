// dsa cost: what a million tokens cost on one's own machine, beside what APIs take for them.
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "cost/comparison.h"
#include "cost/hardware_report.h"
#include "cost/known_model.h"
#include "cost/measured.h"
#include "cost/report.h"
#include "cost/settings_toml.h"
#include "cost/validate.h"

namespace dsa::cli {
namespace {

constexpr double kAsPredicted = 0.25;

struct CostOptions {
  std::string config, bench, server, hardware, validate, report;
  std::string model = "smollm2";
  bool print_config = false;
  bool json = false;
};

// The type in which most of the elements are stored that products read.
DType stored_type(const TensorSource& tensors) {
  std::map<DType, double> elements;
  tensors.for_each([&](std::string_view, const StoredTensor& tensor) {
    if (tensor.shape.size() == 2)
      elements[tensor.type] += static_cast<double>(tensor.shape[0]) * static_cast<double>(tensor.shape[1]);
  });
  if (elements.empty()) return DType::f32;
  return std::ranges::max_element(elements, {}, [](const auto& entry) { return entry.second; })->first;
}

ModelShape shape_of_model(const std::string& name) {
  if (const auto known = cost::known_model(name)) return *known;
  Options options;
  options.model = name;
  const OpenedModel opened = open(options);
  return shape_of(opened.files.config, stored_type(*opened.files.tensors));
}

int validate(const CostOptions& o) {
  const auto rows = cost::validate(o.validate);
  print(o.json ? json_text(to_json(rows), 2) + "\n" : to_text(rows));
  if (const double off = worst(rows); off > kAsPredicted)
    fail("{}: a row is {:.0f} % off what the others imply, more than {:.0f} %: was the machine calm?",
         printable(o.validate, 1000), 100 * off, 100 * kAsPredicted);
  return kDone;
}

void check(const CostOptions& o) {
  if (o.bench.empty() == o.hardware.empty())
    throw UsageError(
        "how fast is the machine? Give one of --bench FILE, what dsa bench --json wrote, and "
        "--hardware FILE, a description");
  if (!o.server.empty() && o.bench.empty())
    throw UsageError("--server: it adds to --bench: what is predicted needs no measurement");
}

int cost_verb(const CostOptions& o) {
  if (!o.validate.empty()) return validate(o);
  cost::Settings settings = cost::default_settings();
  for (const std::string& file : {o.config, o.hardware})
    if (!file.empty()) read_settings(settings, file);
  if (o.print_config) {
    print(settings_as_toml(settings));
    return kDone;
  }
  check(o);
  cost::Speeds speeds;
  std::string text;
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!o.hardware.empty()) {
    const ModelShape model = shape_of_model(o.model);
    const cost::HardwareReport report = report_hardware(model, settings.machine, o.model);
    text = to_text(report) + '\n';
    json["prediction"] = to_json(report);
    speeds = predict(model, settings, o.model);
  } else {
    speeds = cost::read_bench(o.bench);
    if (!o.server.empty()) apply(cost::read_server(o.server), speeds, settings);
  }
  const cost::Comparison found = compare(settings, speeds);
  json.update(to_json(found));
  if (o.config.empty()) warn("no --config: the workload, power, prices and staff hours are examples");
  if (!o.report.empty()) write_file(o.report, report_html(found, speeds));
  print(o.json ? json_text(json, 2) + "\n" : text + to_text(found));
  return kDone;
}

}  // namespace

Action declare_cost(Command command) {
  auto o = std::make_shared<CostOptions>();
  command.add_option("--bench", o->bench, "how fast the machine is: what dsa bench --json wrote")
      .type_name("FILE");
  command
      .add_option("--server", o->server, "and with many clients: what bench/compare_server.py --json wrote")
      .type_name("FILE");
  command
      .add_option("--hardware", o->hardware,
                  "in place of --bench a description of a machine, for which speeds are predicted")
      .type_name("FILE");
  command
      .add_option(
          "--model", o->model,
          "the model that is predicted: as for other verbs, or deepseek-v3.2, of which no file is needed")
      .show_default();
  command
      .add_option("--config", o->config, "what it costs and what is asked of it, as --print-config writes it")
      .type_name("FILE");
  command.add_flag("--print-config", o->print_config, "every assumption as a file to edit, and end");
  command
      .add_option(
          "--validate", o->validate,
          "predict each row of this file of dsa bench --json from the others, and end; status 1 if one is "
          "more than 25 % off")
      .type_name("FILE");
  command
      .add_option("--report", o->report,
                  "also write a sheet to decide by: plots, and every assumption, in one HTML file")
      .type_name("FILE");
  command.add_flag("--json", o->json, "one JSON object on stdout");
  command.footer(
      "Without --config the prices, power and staff hours are examples, to be replaced by your own.\n\n"
      "Examples:\n"
      "  dsa bench smollm2 --json >bench.json\n"
      "  dsa cost --print-config >cost.toml\n"
      "  dsa cost --config cost.toml --bench bench.json\n"
      "  dsa cost --model deepseek-v3.2 --hardware examples/cost/h800x16.toml\n");
  return [o] { return cost_verb(*o); };
}

}  // namespace dsa::cli
