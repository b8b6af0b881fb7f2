// Words of worked steps, in two languages: enough to tell them apart, and to mix them.
#pragma once

#include <array>
#include <string_view>

namespace dsa::rl {

struct WordPair {
  std::string_view english, german;
};
/// No word stands in both columns; all are lower case.
inline constexpr std::array<WordPair, 72> kWordPairs{{
    {"and", "und"},          {"or", "oder"},       {"not", "nicht"},      {"if", "wenn"},
    {"then", "dann"},        {"else", "sonst"},    {"is", "ist"},         {"are", "sind"},
    {"the", "die"},          {"of", "von"},        {"to", "zu"},          {"so", "daher"},
    {"but", "aber"},         {"with", "mit"},      {"without", "ohne"},   {"for", "dafür"},
    {"from", "aus"},         {"first", "zuerst"},  {"last", "zuletzt"},   {"next", "weiter"},
    {"before", "vor"},       {"after", "nach"},    {"left", "links"},     {"right", "rechts"},
    {"between", "zwischen"}, {"place", "platz"},   {"line", "reihe"},     {"true", "wahr"},
    {"false", "falsch"},     {"yes", "ja"},        {"no", "nein"},        {"write", "schreibe"},
    {"carry", "merke"},      {"borrow", "leihe"},  {"plus", "dazu"},      {"minus", "weniger"},
    {"times", "mal"},        {"rest", "bleibt"},   {"divide", "teile"},   {"take", "nimm"},
    {"add", "addiere"},      {"knows", "kennt"},   {"says", "sagt"},      {"lies", "luegt"},
    {"knight", "ritter"},    {"knave", "schurke"}, {"same", "gleich"},    {"other", "anders"},
    {"fails", "scheitert"},  {"holds", "stimmt"},  {"try", "versuche"},   {"wrong", "fehler"},
    {"look", "schaue"},      {"see", "siehe"},     {"found", "gefunden"}, {"nothing", "nichts"},
    {"does", "macht"},       {"should", "soll"},   {"word", "wort"},      {"letter", "buchstabe"},
    {"count", "zaehle"},     {"sum", "summe"},     {"all", "alle"},       {"both", "beide"},
    {"each", "jede"},        {"this", "dies"},     {"that", "jenes"},     {"here", "hier"},
    {"there", "dort"},       {"must", "muss"},     {"have", "haben"},     {"follows", "folgt"},
}};

}  // namespace dsa::rl
