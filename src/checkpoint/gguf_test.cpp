// The GGUF container: what is read, and one named case for every way a file can lie about itself (the numbers
// are those of docs/hostile-inputs.md).
#include "checkpoint/gguf.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "kernels/dequantize.h"
#include "testing/gguf_test_writer.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kTop = std::uint64_t{1} << 63;
constexpr std::uint32_t kString = 8, kArray = 9, kU8 = 0;

struct Hostile {
  std::string name;
  std::string file;
  std::vector<std::string> message;  // parts of it
};

void PrintTo(const Hostile& c, std::ostream* out) { *out << c.name; }

// An allocation of its own of exactly the file's size: ASan sees the first byte read past the end.
void parse_at_its_size(const std::string& file) {
  const std::vector<char> bytes(file.begin(), file.end());
  parse_gguf(as_span(bytes), "x.gguf");
}

template <class Change>
std::string with_tensor(Change change) {
  GgufTestWriter w;
  w.tensors.emplace_back();
  change(w.tensors[0]);
  return w.build();
}

std::string with_size(std::uint64_t size) {
  return with_tensor([=](GgufTestTensor& t) { t.sizes = {size}; });
}

std::string with_type(std::uint32_t type) {
  return with_tensor([=](GgufTestTensor& t) { t.type = type; });
}

std::string with_version(std::uint32_t version) {
  GgufTestWriter w;
  w.version = version;
  return w.build();
}

std::string with_counts(std::uint64_t tensors, std::uint64_t entries) {
  GgufTestWriter w;
  w.tensor_count = tensors;
  w.entry_count = entries;
  return w.build() + std::string(1000, '\0');
}

std::string with_value(std::uint32_t type, std::string value) {
  return GgufTestWriter().raw("k", type, std::move(value)).build();
}

std::string with_array(std::uint32_t element, std::uint64_t count, std::string body = "") {
  return with_value(kArray, bytes_of(element) + bytes_of(count) + std::move(body));
}

std::string with_alignment(std::uint32_t alignment) {
  return GgufTestWriter().u32("general.alignment", alignment).build();
}

std::string two_tensors(GgufTestTensor second, std::optional<std::size_t> data_bytes = {}) {
  GgufTestWriter w;
  w.tensors.emplace_back();
  w.tensors.push_back(std::move(second));
  w.data_bytes = data_bytes;
  return w.build();
}

std::vector<Hostile> hostile_files() {
  const std::string not_gguf = "does not start with \"GGUF\"", incomplete = "incomplete or damaged";
  return {
      // H20
      {"H20_Empty", "", {not_gguf}},
      {"H20_WrongMagic", "GGML" + std::string(60, '\0'), {not_gguf}},
      {"H20_LowerCaseMagic", "gguf" + std::string(60, '\0'), {not_gguf}},
      {"H20_MagicAlone", "GGUF", {"the version takes 4 bytes", incomplete}},
      {"H20_HeaderCutShort",
       GgufTestWriter().build().substr(0, 23),
       {"number of metadata entries", incomplete}},
      {"H20_BigEndian", with_version(0x03000000), {"big-endian"}},
      {"H20_Version0", with_version(0), {"version 0, expected 2 or 3"}},
      {"H20_Version1", with_version(1), {"version 1 is not read"}},
      {"H20_Version99", with_version(99), {"version 99"}},
      // H21
      {"H21_EntriesMinus1", with_counts(0, kMax), {"metadata entries, at most 65536"}},
      {"H21_Entries2To63", with_counts(0, kTop), {"metadata entries, at most 65536"}},
      {"H24_FiveMillionKeys", with_counts(0, 5'000'000), {"5000000 metadata entries, at most 65536"}},
      {"H21_TensorsMinus1", with_counts(kMax, 0), {"tensors, at most 200000"}},
      {"H21_Tensors2To63", with_counts(kTop, 0), {"tensors, at most 200000"}},
      {"H21_MoreEntriesThanBytes", with_counts(0, 60'000), {"60000 metadata entries", "hold at most 71"}},
      {"H21_MoreTensorsThanBytes", with_counts(190'000, 0), {"190000 tensors", "hold at most 30"}},
      // H22
      {"H22_StringMinus1", with_value(kString, bytes_of(kMax) + "abc"), {"length of 18446744073709551615"}},
      {"H22_String2To63", with_value(kString, bytes_of(kTop) + "abc"), {"at most 67108864"}},
      {"H22_StringOneTooLong",
       with_value(kString, bytes_of<std::uint64_t>(4) + "abc"),
       {"takes 4 bytes", "only 3 are left"}},
      {"H22_KeyMinus1",
       GgufTestWriter().keyed(bytes_of(kMax) + "k", 4, bytes_of(1U)).build(),
       {"a metadata key", "at most 65535"}},
      {"H22_TensorNamePastTheEnd",
       GgufTestWriter().build().replace(8, 1, "\x01") + bytes_of<std::uint64_t>(60) + std::string(40, 'a'),
       {"a tensor's name takes 60 bytes", incomplete}},
      // H23
      {"H23_Array2To40Bytes", with_array(kU8, std::uint64_t{1} << 40), {"array of 1099511627776 elements"}},
      {"H23_ArrayMinus1", with_array(kU8, kMax), {"at most 16000000"}},
      {"H23_ArrayPastTheEnd", with_array(4, 3, std::string(11, '\0')), {"takes 12 bytes", "only 11"}},
      {"H23_Strings2To61", with_array(kString, std::uint64_t{1} << 61), {"at most 16000000"}},
      {"H23_StringsPastTheEnd", with_array(kString, 15'000'000), {"only 0 are left"}},
      {"H23_ArrayOfArrays",
       with_array(kArray, 1, bytes_of(4U) + bytes_of<std::uint64_t>(0)),
       {"array of arrays"}},
      {"H23_ElementType99", with_array(99, 1, "aaaa"), {"unknown value type 99"}},
      {"H23_ValueType13", with_value(13, "aaaa"), {"unknown value type 13"}},
      {"H23_ValueTypeMinus1", with_value(0xFFFFFFFF, "aaaa"), {"unknown value type 4294967295"}},
      {"H23_Bool2", with_value(7, "\x02"), {"bool 2, expected 0 or 1"}},
      {"H23_BoolInArray", with_array(7, 2, "\x01\xFF"), {"bool 255, expected 0 or 1"}},
      // H24
      {"H24_KeyTwice",
       GgufTestWriter().u32("a", 1).u32("b", 1).u32("a", 2).build(),
       {"key a is there twice"}},
      {"H24_EmptyKey", GgufTestWriter().u32("", 1).build(), {"a metadata key", "is empty"}},
      {"H24_KeyWithNul",
       GgufTestWriter().u32(std::string_view("a\0b", 3), 1).build(),
       {"a\\x00b", "not plain ASCII"}},
      {"H24_KeyWithNewline", GgufTestWriter().u32("a\nb", 1).build(), {"a\\x0ab", "not plain ASCII"}},
      {"H24_NameTwice", two_tensors({.name = "t"}), {"tensor t is there twice"}},
      {"H24_NameOf64Bytes",
       with_tensor([](auto& t) { t.name = std::string(64, 'a'); }),
       {"64 bytes, at most 63"}},
      {"H24_NameWithNul", with_tensor([](auto& t) { t.name = std::string("a\0b", 3); }), {"not plain ASCII"}},
      {"H24_NameNotUtf8", with_tensor([](auto& t) { t.name = "a\xFF"; }), {"a\\xff", "not plain ASCII"}},
      {"H24_EmptyName", with_tensor([](auto& t) { t.name = ""; }), {"a tensor's name", "is empty"}},
      // H25
      {"H25_Dims0", with_tensor([](auto& t) { t.dims = 0; }), {"0 dimensions, expected 1 to 4"}},
      {"H25_Dims5",
       with_tensor([](auto& t) {
         t.sizes = {1, 1, 1, 1, 1};
       }),
       {"5 dimensions"}},
      {"H25_DimsMinus1", with_tensor([](auto& t) { t.dims = 0xFFFFFFFF; }), {"4294967295 dimensions"}},
      // H26
      {"H26_Size0", with_size(0), {"0 or beyond 2^63"}},
      {"H26_SizeMinus1", with_size(kMax), {"0 or beyond 2^63"}},
      {"H26_Size2To63", with_size(kTop), {"0 or beyond 2^63"}},
      {"H26_SizeJustBelow2To63", with_size(kTop - 32), {"more bytes than 64 bits can count"}},
      {"H26_ProductWrapsTo0",
       with_tensor([](auto& t) {
         t.sizes = {1ULL << 32, 1ULL << 32};
       }),
       {"product of its dimensions"}},
      {"H26_ProductWrapsToTheRightSize",
       with_tensor([](auto& t) {
         t.sizes = {32, (1ULL << 59) + 1};
       }),
       {"product of its dimensions"}},
      {"H26_BytesWrapToTheRightSize",
       with_tensor([](auto& t) { t.sizes = {(1ULL << 62) + 32}; }),
       {"more bytes than 64 bits can count"}},
      // H27
      {"H27_Removed", with_type(4), {"stored as Q4_2, which ggml has removed"}},
      {"H27_RemovedRepacked", with_type(31), {"Q4_0_4_4, which ggml has removed"}},
      {"H27_Unsupported",
       with_type(23),
       {"IQ4_XS, which dsa does not read; use a file of F32, F16, Q4_0", "Q6_K, BF16"}},
      {"H27_Count", with_type(42), {"unknown ggml type 42"}},
      {"H27_Minus1", with_type(0xFFFFFFFF), {"unknown ggml type 4294967295"}},
      // H28
      {"H28_RowNotWholeBlocks",
       with_tensor([](auto& t) {
         t.sizes = {33};
         t.type = 8;
       }),
       {"rows of 33 elements, not a multiple of the 32 of a Q8_0"}},
      {"H28_WholeBlocksInAllButNotInARow",
       with_tensor([](auto& t) {
         t.sizes = {16, 2};
         t.type = 8;
       }),
       {"rows of 16 elements"}},
      {"H28_OneBlockRows2To58",
       with_tensor([](auto& t) {
         t.sizes = {32, 1ULL << 58};
         t.type = 8;
       }),
       {"product of its dimensions"}},
      {"H28_KBlockRows2To54",
       with_tensor([](auto& t) {
         t.sizes = {256, 1ULL << 54};
         t.type = 14;
       }),
       {"needs", incomplete}},
      // H29
      {"H29_OffsetUnaligned",
       with_tensor([](auto& t) { t.offset = 16; }),
       {"offset 16, not a multiple of the alignment 32"}},
      {"H29_OffsetMinus32",
       with_tensor([](auto& t) { t.offset = kMax - 31; }),
       {"128 bytes at data offset", incomplete}},
      {"H29_PastTheEnd",
       with_tensor([](auto& t) { t.offset = 128; }),
       {"128 bytes at data offset 128", "128 bytes of data"}},
      {"H29_SameBytes", two_tensors({.name = "u", .offset = 0}), {"tensor", "lies inside tensor"}},
      {"H29_Overlap", two_tensors({.name = "u", .offset = 96}), {"tensor u lies inside tensor t"}},
      {"H29_LastTensorOneByteShort",
       two_tensors({.name = "u"}, 255),
       {"tensor u needs 128 bytes at data offset 128", "255 bytes of data"}},
      {"H29_NoData", two_tensors({.name = "u"}, 0), {"0 bytes of data"}},
      {"H29_CutInThePadding", with_tensor([](auto&) {}).substr(0, 60), {"ends before the tensors' data"}},
      // H30
      {"H30_Alignment0", with_alignment(0), {"general.alignment is 0, expected a power of two"}},
      {"H30_Alignment3", with_alignment(3), {"general.alignment is 3"}},
      {"H30_Alignment2To31", with_alignment(1U << 31), {"general.alignment is 2147483648"}},
      {"H30_AlignmentOfType_i32",
       GgufTestWriter().i32("general.alignment", 32).build(),
       {"general.alignment is of type i32, expected u32"}},
      {"H30_AlignmentAsArray",
       GgufTestWriter().numbers<std::uint32_t>("general.alignment", GgufType::u32, {32}).build(),
       {"is of type array"}},
      {"H30_AlignmentTwice",
       GgufTestWriter().u32("general.alignment", 32).u32("general.alignment", 64).build(),
       {"general.alignment is there twice"}},
  };
}

class GgufHostile : public testing::TestWithParam<Hostile> {};

TEST_P(GgufHostile, IsRefused) {
  auto parts = GetParam().message;
  parts.emplace_back("x.gguf: ");
  expect_error([&] { parse_at_its_size(GetParam().file); }, parts);
}

INSTANTIATE_TEST_SUITE_P(Files, GgufHostile, testing::ValuesIn(hostile_files()),
                         [](const auto& info) { return info.param.name; });

// A good file with everything in it.
std::string good_file(std::uint32_t version) {
  GgufTestWriter w;
  w.version = version;
  w.u32("general.alignment", 64).u32("u", 7).i32("i", -7).f32("f", 0.5F).boolean("yes", 1).boolean("no", 0);
  w.string("s", "text").string("empty", "").strings("strings", {"a", "", "c\xFF"});
  w.numbers<std::int32_t>("i32s", GgufType::i32, {1, -2}).numbers<float>("f32s", GgufType::f32, {0.25F});
  w.numbers<std::uint32_t>("none", GgufType::u32, {});
  w.raw("u8", 0, "\x01").raw("i64", 11, bytes_of<std::int64_t>(-1)).raw("f64", 12, bytes_of(0.1));
  w.alignment = 64;
  w.tensors = {{.name = "plain", .sizes = {3, 2}, .bytes = 24},
               {.name = "blocks", .sizes = {32, 2, 1, 1}, .type = 8, .bytes = 68}};
  return w.build();
}

class GgufGood : public testing::TestWithParam<std::uint32_t> {};

TEST_P(GgufGood, EveryTypeIsRead) {
  const std::string text = good_file(GetParam());
  const std::vector<char> bytes(text.begin(), text.end());
  const GgufFile file(as_span(bytes), "good.gguf");
  EXPECT_EQ(file.version(), GetParam());
  EXPECT_EQ(file.get_u32("u"), 7U);
  EXPECT_EQ(file.get_f32("f"), 0.5F);
  EXPECT_TRUE(file.get_bool("yes"));
  EXPECT_FALSE(file.get_bool("no"));
  EXPECT_EQ(file.get_string("s"), "text");
  EXPECT_EQ(file.get_string("empty"), "");
  EXPECT_EQ(file.get_strings("strings"), (std::vector<std::string_view>{"a", "", "c\xFF"}));
  EXPECT_EQ(file.get_i32s("i32s"), (std::vector<std::int32_t>{1, -2}));
  EXPECT_EQ(file.get_f32s("f32s"), (std::vector<float>{0.25F}));
  EXPECT_TRUE(file.get_u32s("none").empty());
  EXPECT_EQ(file.find_u32("absent"), std::nullopt);
  EXPECT_EQ(file.find_string("s"), "text");

  ASSERT_EQ(file.tensors().size(), 2U);
  const auto &plain = file.tensors()[0], &blocks = file.tensors()[1];
  EXPECT_EQ(plain.name, "plain");
  EXPECT_EQ(plain.sizes, (std::array<std::int64_t, 4>{3, 2, 1, 1}));
  EXPECT_EQ(plain.bytes.size(), 24U);
  EXPECT_EQ(blocks.type, DType::q8_0);
  EXPECT_EQ(blocks.bytes.size(), 68U);
  EXPECT_EQ(blocks.bytes.data() - plain.bytes.data(), 64);
}

INSTANTIATE_TEST_SUITE_P(Versions, GgufGood, testing::Values(2U, 3U));

TEST(Gguf, EveryPrefixOfAGoodFileIsRefusedCleanly) {
  const std::string file = good_file(3);
  const std::size_t needed = file.size() - (128 - 68);  // the padding after the last tensor may be missing
  for (std::size_t size = 0; size < needed; ++size)
    expect_error([&] { parse_at_its_size(file.substr(0, size)); }, {"x.gguf: "});
  parse_at_its_size(file.substr(0, needed));
}

TEST(Gguf, H29_TensorsInAnyOrderOfTheirData) {
  GgufTestWriter w;
  w.tensors = {{.name = "late", .offset = 128}, {.name = "early", .offset = 0}};
  const std::string text = w.build();
  const std::vector<char> bytes(text.begin(), text.end());
  const auto contents = parse_gguf(as_span(bytes), "x.gguf");
  EXPECT_EQ(contents.tensors[0].bytes.data() - contents.tensors[1].bytes.data(), 128);
}

// Values are never scanned at load; the other half of H35, indices into tables, is refused with the IQ types.
TEST(Gguf, H35_NonFiniteScalesLoadAndDequantize) {
  std::string text = with_tensor([](auto& t) {
    t.type = 8;
    t.bytes = 34;
  });
  for (const std::uint16_t scale : {0x7E00, 0x7C00, 0xFC00}) {
    text.replace(64, 34, bytes_of(scale) + std::string(32, '\x01'));
    const std::vector<char> bytes(text.begin(), text.end());
    const auto contents = parse_gguf(as_span(bytes), "x.gguf");
    std::array<float, 32> out{};
    dequantize(contents.tensors[0].type, contents.tensors[0].bytes.data(), out);
    for (const float value : out) EXPECT_FALSE(std::isfinite(value));
  }
}

TEST(Gguf, MetadataAloneIsAFile) {
  parse_at_its_size(GgufTestWriter().build());
  parse_at_its_size(GgufTestWriter().u32("a", 1).build());
}

// Duplicates are looked for among as many names as a file may have; a quadratic search would take minutes.
TEST(Gguf, H24_ManyNamesInLittleTime) {
  GgufTestWriter w;
  for (std::uint32_t i = 0; i < 65'536; ++i) w.u32(fmt::format("{}", i), i);
  for (std::uint64_t i = 0; i < 100'000; ++i)
    w.tensors.push_back({.name = fmt::format("{}", i), .sizes = {1}, .bytes = 4});
  parse_at_its_size(w.build());
}

// The file is mapped, and others may write to it after it was checked.
TEST(Gguf, AStringThatGrewAfterTheCheckIsNotReadPastItsArray) {
  const std::string text = GgufTestWriter().strings("words", {"one", "two"}).build();
  std::vector<char> bytes(text.begin(), text.end());
  const GgufFile file(as_span(bytes), "x.gguf");
  EXPECT_EQ(file.get_strings("words").at(1), "two");
  bytes[bytes.size() - 11] = 4;  // the second length
  expect_error([&] { (void)file.get_strings("words"); }, {"x.gguf", "words", "changed"});
  bytes[bytes.size() - 22] = 40;  // the first: nothing is left for the second
  expect_error([&] { (void)file.get_strings("words"); }, {"x.gguf", "words", "changed"});
}

TEST(Gguf, AccessorsNameKeyAndTypes) {
  const std::string text = good_file(3);
  const std::vector<char> bytes(text.begin(), text.end());
  const GgufFile file(as_span(bytes), "good.gguf");
  const auto refused = [](auto&& f, const std::string& message) {
    expect_error(f, {"good.gguf: " + message});
  };
  refused([&] { (void)file.get_u32("absent"); }, "metadata key absent is missing");
  refused([&] { (void)file.get_u32("i"); }, "metadata key i is of type i32, expected u32");
  refused([&] { (void)file.get_u32("s"); }, "metadata key s is of type string, expected u32");
  refused([&] { (void)file.find_u32("f"); }, "metadata key f is of type f32, expected u32");
  refused([&] { (void)file.get_f32("f64"); }, "metadata key f64 is of type f64, expected f32");
  refused([&] { (void)file.get_bool("u8"); }, "metadata key u8 is of type u8, expected bool");
  refused([&] { (void)file.get_string("strings"); },
          "metadata key strings is of type array of string, expected string");
  refused([&] { (void)file.get_strings("s"); }, "metadata key s is of type string, expected array of string");
  refused([&] { (void)file.get_i32s("f32s"); },
          "metadata key f32s is of type array of f32, expected array of i32");
}

}  // namespace
}  // namespace dsa
