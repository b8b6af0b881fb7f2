// Plots as SVG elements, and the page around them: for reports that must open without a network.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dsa {

struct Curve {
  std::string label;
  std::vector<std::pair<double, double>> points;  // x ascending
};

enum class Scale : std::uint8_t { linear, logarithmic };  // of an axis

/// `scale`: of the vertical axis, `across`: of the other.  Points that are not finite, or not positive on a
/// logarithmic axis, are left out; long curves are thinned to what can be seen.  Labels stand on the left
/// where most curves end higher than they begin.  Titles and labels are escaped.
std::string svg_plot(const std::string& title, const std::string& x_label, const std::vector<Curve>& curves,
                     Scale scale, Scale across = Scale::linear);

/// Bars from 0, one a value, numbered from 0.
std::string svg_bars(const std::string& title, const std::string& x_label, const std::vector<double>& values);

std::string html_escaped(const std::string& text);

/// A page of its own, with the styles that plots and tables want.  `body`: HTML.
std::string html_page(const std::string& title, const std::string& body);

}  // namespace dsa
