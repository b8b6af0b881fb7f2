#include "base/svg_plot.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dsa {
namespace {

// The pixels of a plot's only curve.
std::vector<std::pair<double, double>> pixels(const std::string& svg) {
  std::vector<std::pair<double, double>> out;
  const std::size_t begin = svg.find("points=\"") + 8;
  std::string text = svg.substr(begin, svg.find('"', begin) - begin);
  for (char& c : text)
    if (c == ',') c = ' ';
  const char* at = text.c_str();
  char* end = nullptr;
  for (double x = std::strtod(at, &end); end != at; x = std::strtod(at, &end)) {
    const double y = std::strtod(end, &end);
    out.emplace_back(x, y);
    at = end;
  }
  return out;
}

TEST(SvgPlot, ALogarithmicAxisPutsEqualRatiosAtEqualDistances) {
  const auto got = pixels(
      svg_plot("t", "x", {{"a", {{1, 5}, {10, 50}, {100, 500}}}}, Scale::logarithmic, Scale::logarithmic));
  ASSERT_EQ(got.size(), 3U);
  EXPECT_NEAR(got[1].first - got[0].first, got[2].first - got[1].first, 0.2);
  EXPECT_NEAR(got[0].second - got[1].second, got[1].second - got[2].second, 0.2);
}

TEST(SvgPlot, WhatDoesNotStandOnALogarithmicAxisIsLeftOut) {
  const std::vector<Curve> curves{{"a", {{0, 1}, {1, 0}, {2, 1}, {3, INFINITY}, {4, 2}}}};
  EXPECT_EQ(pixels(svg_plot("t", "x", curves, Scale::logarithmic, Scale::logarithmic)).size(), 2U);
  EXPECT_EQ(pixels(svg_plot("t", "x", curves, Scale::linear)).size(), 4U);
}

TEST(SvgPlot, LabelsStandWhereTheCurvesAreNot) {
  const auto label = [](double first, double last) {
    const std::string svg = svg_plot("t", "x", {{"label", {{0, first}, {1, last}}}}, Scale::linear);
    const std::size_t begin = svg.rfind("<text", svg.find("label"));
    return svg.substr(begin, svg.find('>', begin) - begin);
  };
  EXPECT_NE(label(1, 2).find("\"start\""), std::string::npos);
  EXPECT_NE(label(2, 1).find("\"end\""), std::string::npos);
}

TEST(SvgPlot, NumbersOnAnAxisHaveNoExponents) {
  const std::string svg = svg_plot("t", "x", {{"a", {{0, 0}, {5000, 2e7}}}}, Scale::linear);
  for (const char* number : {">5000<", ">1000<", ">20M<", ">4M<", ">0<"})
    EXPECT_NE(svg.find(number), std::string::npos) << number;
  EXPECT_EQ(svg.find("e+"), std::string::npos);
}

// An attribute would give way to what the page says of all texts.
TEST(SvgPlot, ALabelHasItsCurvesColour) {
  const std::string svg = svg_plot("t", "x", {{"a", {{0, 1}, {1, 2}}}}, Scale::linear);
  const std::size_t stroke = svg.find("stroke=\"") + 8;
  const std::string colour = svg.substr(stroke, svg.find('"', stroke) - stroke);
  EXPECT_NE(svg.find("style=\"fill:" + colour + "\">a<"), std::string::npos);
}

}  // namespace
}  // namespace dsa
