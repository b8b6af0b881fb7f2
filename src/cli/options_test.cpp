#include "cli/options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace dsa::cli {
namespace {

Options parse(std::vector<std::string> arguments) {
  Options options;
  CommandLine line("dsa", "", "");
  add_options(line.command(), options,
              {OptionGroup::model, OptionGroup::engine, OptionGroup::sampling, OptionGroup::prompt,
               OptionGroup::answers, OptionGroup::json});
  EXPECT_TRUE(line.parse(std::move(arguments)));
  return options;
}

TEST(Options, Defaults) {
  const Options o = parse({});
  EXPECT_EQ(o.model, "smollm2");
  const LoadOptions m = load_options(o);
  EXPECT_EQ(run_options(o).attention, AttentionMode::automatic);
  EXPECT_EQ(speculation(o), Speculation::automatic);
  EXPECT_EQ(m.mtp, LoadMtp::no) << "who does not answer needs none";
  EXPECT_EQ(answering_options(o).mtp, LoadMtp::if_whole);
  EXPECT_EQ(m.compute, Compute::automatic);
  EXPECT_TRUE(m.use_indexer);
  EXPECT_FALSE(m.indexer);
  EXPECT_EQ(m.topk, 0);
  EXPECT_FALSE(sampling_params(o).seed);
}

TEST(Options, EveryOneReachesItsField) {
  const Options o = parse({"m.gguf",
                           "--attention",
                           "sparse",
                           "--top-k",
                           "64",
                           "--top-k-layers",
                           "32,96",
                           "--indexer",
                           "dir",
                           "--force-indexer",
                           "--index-keys",
                           "int8",
                           "--compute",
                           "f32",
                           "--threads",
                           "3",
                           "--ctx",
                           "4096",
                           "--temperature",
                           "0.5",
                           "--top-p",
                           "0.8",
                           "--sample-top-k",
                           "7",
                           "--min-p",
                           "0.1",
                           "--repetition-penalty",
                           "1.2",
                           "--presence-penalty",
                           "0.3",
                           "--frequency-penalty",
                           "0.4",
                           "--seed",
                           "9",
                           "--logit-bias",
                           "5:-inf",
                           "--logit-bias",
                           "6:1.5",
                           "--max-tokens",
                           "-1",
                           "--stop",
                           "a",
                           "--stop",
                           "b",
                           "--speculation",
                           "off",
                           "-p",
                           "hello"});
  EXPECT_EQ(o.model, "m.gguf");
  EXPECT_EQ(o.prompt, "hello");
  EXPECT_EQ(o.max_tokens, -1);
  EXPECT_EQ(speculation(o), Speculation::off);
  EXPECT_EQ(answering_options(o).mtp, LoadMtp::no);
  EXPECT_EQ(o.stop, (std::vector<std::string>{"a", "b"}));
  const LoadOptions m = load_options(o);
  EXPECT_EQ(run_options(o).attention, AttentionMode::sparse);
  EXPECT_EQ(m.topk, 64);
  EXPECT_EQ(m.topk_layers, (std::vector<std::int64_t>{32, 96}));
  EXPECT_EQ(m.indexer, "dir");
  EXPECT_TRUE(m.force_indexer);
  EXPECT_TRUE(m.int8_keys);
  EXPECT_EQ(m.compute, Compute::f32);
  EXPECT_EQ(m.threads, 3);
  EXPECT_EQ(m.context, 4096);
  const SamplingParams s = sampling_params(o);
  EXPECT_EQ(s.temperature, 0.5);
  EXPECT_EQ(s.top_p, 0.8);
  EXPECT_EQ(s.top_k, 7);
  EXPECT_EQ(s.min_p, 0.1);
  EXPECT_EQ(s.repetition_penalty, 1.2);
  EXPECT_EQ(s.presence_penalty, 0.3);
  EXPECT_EQ(s.frequency_penalty, 0.4);
  EXPECT_EQ(s.seed, 9U);
  ASSERT_EQ(s.logit_bias.size(), 2U);
  EXPECT_EQ(s.logit_bias[0].id, 5);
  EXPECT_TRUE(std::isinf(s.logit_bias[0].bias) && s.logit_bias[0].bias < 0);
  EXPECT_EQ(s.logit_bias[1].bias, 1.5);
}

TEST(Options, GuessesComeFromWhereItSays) {
  const Options copies = parse({"--speculation", "ngram"}), own = parse({"--speculation", "mtp"});
  EXPECT_EQ(speculation(copies), Speculation::ngram);
  EXPECT_EQ(answering_options(copies).mtp, LoadMtp::no);
  EXPECT_EQ(speculation(own), Speculation::mtp);
  EXPECT_EQ(answering_options(own).mtp, LoadMtp::yes) << "a model without is refused";
}

TEST(Options, IndexerNoneMeansWithout) {
  const LoadOptions m = load_options(parse({"--indexer", "none"}));
  EXPECT_FALSE(m.use_indexer);
  EXPECT_FALSE(m.indexer);
}

TEST(Options, TheLastOfTwoCounts) {
  const Options o = parse({"--threads", "2", "--stop", "a", "--threads", "3", "--stop", "b", "--stop", "c"});
  EXPECT_EQ(o.threads, 3);
  EXPECT_EQ(o.stop, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Options, WrongValuesAreRefused) {
  const std::vector<std::vector<std::string>> cases{{"--attention", "fast"},
                                                    {"--compute", "f16"},
                                                    {"--speculation", "on"},
                                                    {"--threads", "0"},
                                                    {"--threads", "two"},
                                                    {"--ctx", "-1"},
                                                    {"--temperature", "-0.1"},
                                                    {"--temperature", "nan"},
                                                    {"--top-p", "1.1"},
                                                    {"--top-k", "0"},
                                                    {"--max-tokens", "-2"},
                                                    {"--seed", "x"},
                                                    {"--thinking", "maybe"},
                                                    {"--think", "--thinking", "off"},
                                                    {"--chat-format", "qwen4"},
                                                    {"--no-such-option"},
                                                    {"a", "b"},
                                                    {"--repetition-penalty", "0"}};
  for (const auto& c : cases) EXPECT_THROW(parse(c), UsageError) << c[0] << " " << c.back();
}

// No number becomes another one: not by wrapping, saturating or octal.
TEST(Options, WholeNumbersAreTakenAsTypedOrRefused) {
  EXPECT_EQ(parse({"--seed", "18446744073709551615"}).sampling.seed, 18446744073709551615U);
  EXPECT_EQ(parse({"--seed", "0"}).sampling.seed, 0U);
  EXPECT_FALSE(parse({"--seed", "7", "--seed", "-1"}).sampling.seed) << "a different one every time";
  EXPECT_EQ(parse({"--ctx", "010"}).context, 10);
  EXPECT_EQ(parse({"--sample-top-k", "010"}).sampling.top_k, 10);
  EXPECT_EQ(parse({"--max-tokens", "+5"}).max_tokens, 5);
  for (const char* option : {"--seed", "--ctx", "--threads", "--top-k", "--max-tokens", "--sample-top-k"})
    for (const char* value : {"18446744073709551616", "100000000000000000000000000", "-2", "0x10", "1e3",
                              "1.0", "4k", "", " 7", "-99999999999999999999"})
      EXPECT_THROW(parse({option, value}), UsageError) << option << " " << value;
}

TEST(Options, ASystemMessageMayBeEmpty) {
  EXPECT_FALSE(parse({}).system);
  EXPECT_EQ(parse({"--system", ""}).system, "");
}

TEST(Options, Thinking) {
  EXPECT_EQ(parse({}).thinking, "auto");
  EXPECT_EQ(parse({"--think"}).thinking, "on");
  EXPECT_EQ(parse({"--thinking", "off"}).thinking, "off");
}

TEST(Options, BadLogitBiasIsAnError) {
  for (const char* text : {"5", "5:", ":1", "x:1", "5:1x", "5:-1:2"})
    EXPECT_THROW(sampling_params(parse({"--logit-bias", text})), Error) << text;
}

TEST(TokenList, CommasAndSpaces) {
  EXPECT_EQ(parse_token_list("1,2, 3\n4\t5,"), (std::vector<std::int32_t>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(parse_token_list(" , ").empty());
}

TEST(TokenList, FromAFile) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "dsa_token_list.txt";
  std::ofstream(path) << "10\n20 30";
  EXPECT_EQ(parse_token_list("@" + path.string()), (std::vector<std::int32_t>{10, 20, 30}));
  std::filesystem::remove(path);
  EXPECT_THROW(parse_token_list("@" + path.string()), Error);
}

TEST(TokenList, WhatIsNoIdIsAnError) {
  for (const char* text : {"-1", "1.5", "x", "2147483648", "99999999999999999999", "0x10"})
    EXPECT_THROW(parse_token_list(text), Error) << text;
}

TEST(ReadText, AFolderIsAnError) { EXPECT_THROW(read_text(::testing::TempDir()), Error); }

}  // namespace
}  // namespace dsa::cli
