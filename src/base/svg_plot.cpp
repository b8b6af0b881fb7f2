#include "base/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dsa {
namespace {

constexpr double kWidth = 640, kHeight = 280;
constexpr double kLeft = 70, kRight = 12, kTop = 32, kBottom = 42;
constexpr std::size_t kMostPoints = 800;
constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1f2328}"
    "svg{width:100%;margin:.5em 0}svg text{font-size:11px;fill:#57606a}"
    "svg .title{font-size:14px;fill:#1f2328}"
    "svg .grid{stroke:#d0d7de;stroke-width:.5}table{border-collapse:collapse}td{padding:.15em 1em .15em 0}";
constexpr const char* kColours[] = {"#1f6feb", "#d1580b", "#1a7f37", "#8250df", "#bf3989",
                                    "#0a7ea4", "#9a6700", "#57606a", "#cf222e"};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  void widen() {
    if (low > high) low = 0, high = 1;
    if (low == high) high = low + (low == 0 ? 1 : std::abs(low) * 0.1);
  }
};

double on_axis(Scale scale, double v) { return scale == Scale::logarithmic ? std::log10(v) : v; }
double off_axis(Scale scale, double v) { return scale == Scale::logarithmic ? std::pow(10, v) : v; }

// Axes and the way from values to pixels; one that is logarithmic works on log10.
struct Frame {
  Range x, y;
  Scale x_scale = Scale::linear, y_scale = Scale::linear;

  [[nodiscard]] double across(double v) const {
    return kLeft + (v - x.low) / (x.high - x.low) * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double down(double v) const {
    return kHeight - kBottom - (v - y.low) / (y.high - y.low) * (kHeight - kTop - kBottom);
  }
};

std::string number(double v) {
  const double size = std::abs(v);
  if (size >= 1e6) return fmt::format("{:.3g}M", v / 1e6);
  if (size >= 1e4) return fmt::format("{:.3g}k", v / 1e3);
  if (size >= 1e3) return fmt::format("{:.0f}", v);
  return fmt::format("{:.3g}", v);
}

std::string text(double x, double y, const char* anchor, const std::string& what, const char* style = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y, anchor, style,
                     html_escaped(what));
}

std::string axes(const Frame& f, const std::string& title, const std::string& x_label) {
  constexpr int kTicks = 5;
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\n", kWidth, kHeight);
  out += text(kLeft, 18, "start", title, "class=\"title\"");
  for (int i = 0; i <= kTicks; ++i) {
    const double part = static_cast<double>(i) / kTicks;
    const double x = f.x.low + part * (f.x.high - f.x.low), y = f.y.low + part * (f.y.high - f.y.low);
    out += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kLeft,
                       kWidth - kRight, f.down(y), f.down(y));
    out += text(kLeft - 6, f.down(y) + 4, "end", number(off_axis(f.y_scale, y)));
    out += text(f.across(x), kHeight - kBottom + 16, "middle", number(off_axis(f.x_scale, x)));
  }
  return out + text((kLeft + kWidth) / 2, kHeight - 8, "middle", x_label);
}

std::string polyline(const Frame& f, const Curve& curve, const char* colour) {
  std::string points;
  const std::size_t step = std::max<std::size_t>(1, curve.points.size() / kMostPoints);
  for (std::size_t i = 0; i < curve.points.size(); i += step)
    points += fmt::format("{:.1f},{:.1f} ", f.across(curve.points[i].first), f.down(curve.points[i].second));
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>\n", colour,
                     points);
}

}  // namespace

std::string html_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string svg_plot(const std::string& title, const std::string& x_label, const std::vector<Curve>& curves,
                     Scale scale, Scale across) {
  Frame f{.x = {}, .y = {}, .x_scale = across, .y_scale = scale};
  const auto shown = [](Scale of, double v) { return std::isfinite(v) && (of == Scale::linear || v > 0); };
  std::ptrdiff_t rising = 0;
  std::vector<Curve> drawn;
  for (const Curve& curve : curves) {
    Curve kept{.label = curve.label, .points = {}};
    for (const auto& [x, y] : curve.points) {
      if (!shown(across, x) || !shown(scale, y)) continue;
      kept.points.emplace_back(on_axis(across, x), on_axis(scale, y));
      f.x.add(kept.points.back().first);
      f.y.add(kept.points.back().second);
    }
    if (!kept.points.empty() && kept.points.front().second < kept.points.back().second) ++rising;
    drawn.push_back(std::move(kept));
  }
  f.x.widen();
  f.y.widen();
  std::string out = axes(f, title, x_label);
  const bool left = 2 * rising > std::ssize(drawn);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const char* colour = kColours[i % std::size(kColours)];
    out += polyline(f, drawn[i], colour);
    out += text(left ? kLeft + 8 : kWidth - kRight, (left ? kTop + 14 : 18) + 14 * static_cast<double>(i),
                left ? "start" : "end", drawn[i].label, fmt::format("style=\"fill:{}\"", colour).c_str());
  }
  return out + "</svg>\n";
}

std::string svg_bars(const std::string& title, const std::string& x_label,
                     const std::vector<double>& values) {
  Frame f{.x = {.low = 0, .high = static_cast<double>(std::max<std::size_t>(values.size(), 1))},
          .y = {.low = 0, .high = 0}};
  for (const double v : values)
    if (std::isfinite(v)) f.y.add(v);
  f.y.widen();
  std::string out = axes(f, title, x_label);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const double left = f.across(static_cast<double>(i) + 0.15),
                 right = f.across(static_cast<double>(i) + 0.85);
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
                       left, f.down(values[i]), right - left, f.down(0) - f.down(values[i]), kColours[0]);
  }
  return out + "</svg>\n";
}
std::string html_page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n"
      "<style>{}</style></head><body>\n{}</body></html>\n",
      html_escaped(title), kStyle, body);
}

}  // namespace dsa
