// Words that the facts of training documents are made of: none that dsa eval retrieval uses
// (eval/retrieval_words.h), so that what is measured there was not learnt by heart.
#pragma once

#include <array>
#include <string_view>

namespace dsa {

inline constexpr std::array<std::string_view, 40> kFirstNames{
    "Adaeze", "Anselm",  "Beatriz", "Bohdan", "Ciara",   "Dagny",  "Dmitri",  "Eleni",  "Emeka",  "Farid",
    "Freya",  "Gaspard", "Hanneke", "Hiroko", "Idris",   "Ilse",   "Joaquin", "Jorunn", "Katrin", "Kofi",
    "Leila",  "Ludvik",  "Magda",   "Mateus", "Nadia",   "Nils",   "Oksana",  "Osman",  "Paloma", "Piotr",
    "Rashid", "Rosalba", "Sanne",   "Sipho",  "Thandie", "Tomasz", "Ursula",  "Viggo",  "Yusuf",  "Zsofia"};

inline constexpr std::array<std::string_view, 40> kSurnames{
    "Abara",     "Almeida", "Bakker",    "Bergstrom", "Castellan", "Dubrov",   "Eriksen",  "Farouk",
    "Fontaine",  "Gallo",   "Haddad",    "Holmqvist", "Ivanek",    "Jansen",   "Kaplan",   "Kowalczyk",
    "Lindqvist", "Lombard", "Marchetti", "Mbeki",     "Moreau",    "Nakata",   "Novotny",  "Okafor",
    "Olsen",     "Pereira", "Petrov",    "Quintero",  "Ramaswamy", "Reinholt", "Sandoval", "Sorokin",
    "Tanaka",    "Tavares", "Ulrich",    "Vasquez",   "Verhoeven", "Weiss",    "Yilmaz",   "Zielinski"};

// Syllables of places: "Velmora", "Tarkesund".
inline constexpr std::array<std::string_view, 20> kPlaceBegins{
    "Al",  "Bre", "Cor", "Dru", "El",  "Fal", "Gri", "Hol", "Ist", "Kar",
    "Lun", "Mar", "Nor", "Os",  "Pel", "Quo", "Ris", "Sol", "Tar", "Vel"};
inline constexpr std::array<std::string_view, 16> kPlaceMiddles{
    "da", "ke", "li", "mo", "na", "pe", "ri", "so", "ta", "ve", "zu", "bi", "go", "hu", "lo", "wa"};
inline constexpr std::array<std::string_view, 16> kPlaceEnds{"berg", "by",   "dorf", "fjord", "grad", "ham",
                                                             "mark", "mora", "nik",  "ra",    "stad", "sund",
                                                             "ton",  "vik",  "wick", "zell"};

inline constexpr std::array<std::string_view, 24> kGoods{
    "almonds", "barley", "cement",  "cocoa",   "cork",   "cotton", "felt",    "ginger",
    "glue",    "hemp",   "ink",     "lentils", "mica",   "olives", "paprika", "plaster",
    "resin",   "rubber", "saffron", "slate",   "starch", "tea",    "wax",     "yarn"};

inline constexpr std::array<std::string_view, 24> kAnimals{
    "badger", "bittern", "carp",  "cormorant", "crane", "dormouse", "egret",    "ferret",
    "grebe",  "hare",    "heron", "ibis",      "jay",   "kestrel",  "lapwing",  "magpie",
    "newt",   "otter",   "perch", "quail",     "raven", "starling", "sturgeon", "weasel"};

inline constexpr std::array<std::string_view, 16> kInstruments{
    "accordion", "banjo", "bassoon", "cello", "clarinet", "dulcimer", "guitar",  "harmonica",
    "mandolin",  "oboe",  "organ",   "piano", "tabla",    "trombone", "ukulele", "zither"};

inline constexpr std::array<std::string_view, 24> kWishes{
    "a bus shelter",   "a chess club",       "a crossing guard",   "a dental clinic",     "a ferry permit",
    "a rowing school", "a flea market",      "a new boiler",       "a notice board",      "a parking ban",
    "a petition",      "a playground",       "a recycling depot",  "a repair workshop",   "a school nurse",
    "a second toilet", "a skating rink",     "a speed camera",     "a tax refund",        "a translation",
    "an audit",        "an open-air cinema", "an outdoor kitchen", "longer library hours"};

inline constexpr std::array<std::string_view, 24> kSettingHeads{
    "backup", "batch",  "billing", "cache", "cluster", "cookie", "crawl",  "digest",
    "export", "ingest", "kernel",  "lease", "login",   "mailer", "page",   "parser",
    "pool",   "proxy",  "queue",   "retry", "session", "shard",  "socket", "upload"};
inline constexpr std::array<std::string_view, 20> kSettingTails{
    "ceiling", "cost",     "decay",  "delay", "depth", "factor", "floor", "gain",    "interval", "limit",
    "margin",  "patience", "period", "quota", "ratio", "scale",  "slack", "timeout", "weight",   "width"};

inline constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                          "May",       "June",     "July",     "August",
                                                          "September", "October",  "November", "December"};

}  // namespace dsa
