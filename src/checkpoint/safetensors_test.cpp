// Hostile safetensors files, H1 to H15 of docs/hostile-inputs.md, and the round trip.
#include "checkpoint/safetensors.h"

#include <cstring>

#include "checkpoint/safetensors_write.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

SafetensorsContents contents_of(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "m.safetensors");
}

struct BadFile {
  const char* name;
  std::string file;
  std::vector<std::string> error;  // parts of the message, besides the file name
};

std::ostream& operator<<(std::ostream& out, const BadFile& c) { return out << c.name; }

const std::string kF32x4 = one_tensor("F32", "[4]", "[0,16]");

std::string two_tensors(std::string_view first, std::string_view second) {
  return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(first) +
         R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(second) + "}}";
}

std::vector<BadFile> bad_files() {
  const std::string padded = std::string(100, ' ');
  return {
      {"H1_Empty", "", {"0 bytes", "at least 8"}},
      {"H1_SevenBytes", std::string(7, '\0'), {"7 bytes", "at least 8"}},
      {"H2_HeaderOfZeroBytes", little_endian_u64(0), {"not valid JSON"}},
      {"H3_LengthMax", little_endian_u64(~0ULL) + padded, {"18446744073709551615 bytes", "100000000"}},
      {"H3_LengthTwoTo63", little_endian_u64(1ULL << 63) + padded, {"9223372036854775808 bytes"}},
      {"H3_LengthOneOverTheLimit", little_endian_u64(100'000'001) + padded, {"100000001 bytes", "100000000"}},
      {"H4_LengthOneBeyondTheFile", little_endian_u64(3) + "{}", {"header of 3 bytes", "only 2 follow"}},
      {"H5_NotUtf8", safetensors_file("{\"\xFF\":1}"), {"not valid JSON"}},
      {"H5_Overlong", safetensors_file("{\"\xC0\xAF\":1}"), {"not valid JSON"}},
      {"H5_Surrogate", safetensors_file("{\"\xED\xA0\x80\":1}"), {"not valid JSON"}},
      {"H5_LoneEscapedSurrogate", safetensors_file(R"({"\ud800":1})"), {"not valid JSON"}},
      {"H5_ByteOrderMark", safetensors_file("\xEF\xBB\xBF{}"), {"byte order mark"}},
      {"H5_NulInName",
       safetensors_file(one_tensor("U8", "[1]", "[0,1]", "a\\u0000b"), 1),
       {"contains a NUL"}},
      {"H6_OpenBrace", safetensors_file("{"), {"not valid JSON"}},
      {"H6_Array", safetensors_file("[]"), {"JSON array", "expected an object"}},
      {"H6_String", safetensors_file("\"x\""), {"JSON string", "expected an object"}},
      {"H6_TrailingGarbage", safetensors_file("{}x"), {"not valid JSON"}},
      {"H6_TrailingNul", safetensors_file(std::string_view("{}\0", 3)), {"not valid JSON"}},
      {"H8_Overlap",
       safetensors_file(two_tensors("[0,4]", "[2,6]"), 6),
       {"tensor b", "inside the tensor before it"}},
      {"H8_SameBytes",
       safetensors_file(two_tensors("[0,4]", "[0,4]"), 4),
       {"tensor b", "inside the tensor before it"}},
      {"H9_Hole", safetensors_file(two_tensors("[0,4]", "[5,9]"), 9), {"bytes 4 to 5", "no tensor"}},
      {"H9_HoleAtTheStart",
       safetensors_file(one_tensor("U8", "[4]", "[1,5]"), 5),
       {"bytes 0 to 1", "no tensor"}},
      {"H9_TrailingBytes", safetensors_file(kF32x4, 17), {"1 bytes after the last tensor"}},
      {"H9_TrailingBytesNoTensor", safetensors_file("{}", 4), {"4 bytes after the last tensor"}},
      {"H9_MissingByte", safetensors_file(kF32x4, 15), {"tensor a", "[0, 16]", "15 bytes"}},
      {"H10_EndBeforeBegin", safetensors_file(one_tensor("U8", "[4]", "[4,0]"), 4), {"tensor a", "[4, 0]"}},
      {"H10_Negative",
       safetensors_file(one_tensor("U8", "[4]", "[-1,3]"), 4),
       {"tensor a", "-1", "whole numbers"}},
      {"H10_NegativeZero",
       safetensors_file(one_tensor("U8", "[0]", "[-0,0]"), 0),
       {"tensor a", "whole numbers"}},
      {"H10_Float",
       safetensors_file(one_tensor("F32", "[4]", "[0,16.0]"), 16),
       {"tensor a", "16.0", "whole numbers"}},
      {"H10_Exponent",
       safetensors_file(one_tensor("U8", "[1000]", "[0,1e3]"), 1000),
       {"tensor a", "whole numbers"}},
      {"H10_String",
       safetensors_file(one_tensor("U8", "[4]", "[0,\"4\"]"), 4),
       {"tensor a", "\"4\"", "whole numbers"}},
      {"H10_ThreeElements",
       safetensors_file(one_tensor("U8", "[4]", "[0,4,4]"), 4),
       {"tensor a", "two numbers"}},
      {"H10_BeyondTwoTo64",
       safetensors_file(one_tensor("U8", "[4]", "[0,18446744073709551620]"), 4),
       {"tensor a", "whole numbers"}},
      {"H10_LargestEnd",
       safetensors_file(one_tensor("U8", "[4]", "[0,18446744073709551615]"), 4),
       {"tensor a", "4 bytes"}},
      {"H11_WrapsTwice",
       safetensors_file(one_tensor("U8", "[2,18446744073709551614]", "[0,4]"), 4),
       {"tensor a", "beyond 2^63"}},
      {"H11_WrapsOnce",
       safetensors_file(one_tensor("U8", "[2,9223372036854775807]", "[0,4]"), 4),
       {"tensor a", "beyond 2^63"}},
      {"H11_WrapsToZero",
       safetensors_file(one_tensor("U8", "[4294967296,4294967296]", "[0,0]")),
       {"tensor a", "beyond 2^63"}},
      {"H11_WrapsToTheRightSize",  // 2^61 + 1 elements of 8 bytes wrap to 8
       safetensors_file(one_tensor("I64", "[2305843009213693953]", "[0,8]"), 8),
       {"tensor a", "64 bits"}},
      {"H12_HugeDimOfNegative", safetensors_file(one_tensor("U8", "[-4]", "[0,4]"), 4), {"tensor a", "-4"}},
      {"H13_SizeMismatch",
       safetensors_file(one_tensor("F32", "[4]", "[0,8]"), 8),
       {"tensor a", "8 bytes", "F32 need 16"}},
      {"H13_PackedBits",
       safetensors_file(one_tensor("F4", "[3]", "[0,2]"), 2),
       {"tensor a", "3 elements of F4"}},
      {"H13_UnknownDtype",
       safetensors_file(one_tensor("Q9", "[4]", "[0,4]"), 4),
       {"tensor a", "unknown dtype", "Q9"}},
      {"H13_LowerCaseDtype",
       safetensors_file(one_tensor("f32", "[4]", "[0,16]"), 16),
       {"unknown dtype", "f32"}},
      {"H13_DtypeNotAString",
       safetensors_file(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})", 1),
       {"tensor a", "dtype", "number"}},
      {"H14_SameNameTwice",
       safetensors_file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                        R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                        2),
       {"\"a\" appears twice"}},
      {"H14_MetadataTwice",
       safetensors_file(R"({"__metadata__":{},"__metadata__":{}})"),
       {"\"__metadata__\" appears twice"}},
      {"H14_MetadataKeyTwice",
       safetensors_file(R"({"__metadata__":{"x":"1","x":"2"}})"),
       {"\"x\" appears twice"}},
      {"H14_MetadataNumber",
       safetensors_file(R"({"__metadata__":{"x":1}})"),
       {"__metadata__ \"x\"", "number"}},
      {"H14_MetadataNested",
       safetensors_file(R"({"__metadata__":{"x":{"y":"z"}}})"),
       {"__metadata__ \"x\"", "object"}},
      {"H14_MetadataNotAnObject", safetensors_file(R"({"__metadata__":[]})"), {"__metadata__", "array"}},
      {"MissingKey",
       safetensors_file(R"({"a":{"dtype":"U8","shape":[1]}})", 1),
       {"tensor a", "must have dtype"}},
      {"TensorNotAnObject", safetensors_file(R"({"a":1})"), {"tensor a", "must have dtype"}},
      {"LongName",
       safetensors_file(one_tensor("U8", "[1]", "[0,1]", std::string(1025, 'n')), 1),
       {"1025 bytes"}},
      {"EmptyName", safetensors_file(one_tensor("U8", "[1]", "[0,1]", ""), 1), {"0 bytes"}},
  };
}

class HostileSafetensors : public testing::TestWithParam<BadFile> {};

TEST_P(HostileSafetensors, IsRefused) {
  auto parts = GetParam().error;
  parts.emplace_back("m.safetensors: ");
  expect_error([] { contents_of(GetParam().file); }, parts);
}

INSTANTIATE_TEST_SUITE_P(H, HostileSafetensors, testing::ValuesIn(bad_files()),
                         [](const auto& info) { return std::string(info.param.name); });

// The big ones are made one at a time.

std::string many(std::size_t n) {
  std::string header = "{";
  for (std::size_t i = 0; i < n; ++i)
    header +=
        fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i == 0 ? "" : ",", i);
  return header + "}";
}

TEST(HostileSafetensorsBig, H12_MillionDims) {
  std::string shape = "[1";
  for (int i = 1; i < 1'000'000; ++i) shape += ",1";
  expect_error([&] { contents_of(safetensors_file(one_tensor("U8", shape + "]", "[0,1]"), 1)); },
               {"tensor a", "at most 8"});
}

TEST(HostileSafetensorsBig, H14_MetadataOf50Megabytes) {
  const std::string header = R"({"__metadata__":{"x":")" + std::string(50 << 20, 'x') + "\"}}";
  expect_error([&] { contents_of(safetensors_file(header)); }, {"__metadata__", "16777216"});
}

TEST(HostileSafetensorsBig, H15_99MegabytesOfBrackets) {
  const std::string file = safetensors_file(std::string(99'000'000, '['));
  expect_error([&] { contents_of(file); }, {"nested deeper than 4"});
}

TEST(HostileSafetensorsBig, TooManyTensors) {
  const std::string file = safetensors_file(many(200'002));
  expect_error([&] { contents_of(file); }, {"200002 tensors", "200000"});
}

TEST(HostileSafetensorsBig, TooManyValues) {
  std::string header = R"({"a":[)";
  for (int i = 0; i < 4'000'001; ++i) header += "0,";
  const std::string file = safetensors_file(header + "0]}");
  expect_error([&] { contents_of(file); }, {"more than 4000000 values"});
}

TEST(Safetensors, EmptyObjectIsAnEmptyFile) {
  EXPECT_TRUE(contents_of(safetensors_file("{}")).tensors.empty());
}

TEST(Safetensors, H7_WhitespaceAroundTheHeaderIsAccepted) {
  for (const char* header : {" \t\r\n{}", "{}\r\n\t ", "  {}  "})
    EXPECT_NO_THROW(contents_of(safetensors_file(header))) << header;
}

TEST(Safetensors, WhatOtherReadersPassOverIsPassedOver) {
  const auto contents = contents_of(safetensors_file(
      R"({"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1));
  EXPECT_TRUE(contents.metadata.empty());
  EXPECT_EQ(contents.tensors.at(0).tensor.shape, std::vector<std::int64_t>{1});
}

// Each in a file of its own: a tensor that nothing here reads does not close the file.
TEST(Safetensors, EveryDtypeOfTheFormatIsKnownBySize) {
  const std::pair<const char*, std::size_t> bytes_of_eight[] = {
      {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E5M2", 8}, {"F8_E8M0", 8},    {"F8_E4M3FNUZ", 8},
      {"U16", 16}, {"U32", 32},    {"U64", 64},    {"C64", 64},    {"F8_E5M2FNUZ", 8}};
  for (const auto& [type, bytes] : bytes_of_eight) {
    const auto file = safetensors_file(one_tensor(type, "[8]", fmt::format("[0,{}]", bytes)), bytes);
    EXPECT_EQ(name(contents_of(file).tensors.at(0).tensor.type), type);
  }
}

TEST(Safetensors, H12_ScalarsAndEmptyTensorsAreLegal) {
  const auto contents = contents_of(
      safetensors_file(R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                       R"("z":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[4,4]},)"
                       R"("y":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]}})",
                       4));
  ASSERT_EQ(contents.tensors.size(), 3U);
  EXPECT_EQ(contents.tensors[0].name, "s");
  EXPECT_EQ(contents.tensors[0].tensor.bytes.size(), 4U);
  EXPECT_EQ(contents.tensors[1].name, "y");
  EXPECT_TRUE(contents.tensors[2].tensor.bytes.empty());
}

TEST(Safetensors, EightDimensionsAreAcceptedAndNineAreNot) {
  EXPECT_NO_THROW(contents_of(safetensors_file(one_tensor("U8", "[1,1,1,1,1,1,1,1]", "[0,1]"), 1)));
  expect_error([] { contents_of(safetensors_file(one_tensor("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1)); },
               {"at most 8"});
}

TEST(Safetensors, ManyTensorsAreRead) {
  EXPECT_EQ(contents_of(safetensors_file(many(20'000))).tensors.size(), 20'000U);
}

TEST(Safetensors, MissingFileAndFolderAreErrors) {
  const TempFolder folder;
  expect_error([&] { SafetensorsFile f(folder.path() / "none.safetensors"); },
               {"none.safetensors", "cannot open"});
  expect_error([&] { SafetensorsFile f(folder.path()); }, {"directory"});
}

TEST(SafetensorsWrite, RoundTrip) {
  const TempFolder folder;
  const std::vector<float> logits{1.5F, -2, 0.25F, 3, 4, 5};
  const std::vector<std::int64_t> tokens{7, 8};
  const std::array<std::byte, 3> small{std::byte{1}, std::byte{2}, std::byte{3}};
  const auto path = folder.path() / "out.safetensors";
  folder.write("out.safetensors", "an older file");
  write_safetensors(path,
                    {{"small \"quoted\"", DType::u8, {3}, small},
                     {"logits", DType::f32, {2, 3}, std::as_bytes(std::span(logits))},
                     {"tokens", DType::i64, {2}, std::as_bytes(std::span(tokens))}},
                    {{"format", "pt"}});
  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 3U);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  const auto& first = file.tensors()[0];
  EXPECT_EQ(first.name, "tokens");  // the widest type first: every tensor is aligned
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.tensor.bytes.data()) % 8, 0U);
  const auto& second = file.tensors()[1];
  EXPECT_EQ(second.name, "logits");
  EXPECT_EQ(second.tensor.shape, (std::vector<std::int64_t>{2, 3}));
  ASSERT_EQ(second.tensor.bytes.size(), 24U);
  EXPECT_EQ(std::memcmp(second.tensor.bytes.data(), logits.data(), 24), 0);
  EXPECT_EQ(file.tensors()[2].name, "small \"quoted\"");

  int entries = 0;  // no temporary file stays behind
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 1);
}

TEST(SafetensorsWrite, ValuesThatComeInPiecesMakeTheSameFile) {
  const TempFolder folder;
  const std::vector<std::int64_t> ids{1, 2, 3};
  const std::vector<float> rows{1, 2, 3, 4, 5, 6};
  const auto all = std::as_bytes(std::span(rows));
  write_safetensors(folder.path() / "whole", {{"rows", DType::f32, {3, 2}, all},
                                              {"ids", DType::i64, {3}, std::as_bytes(std::span(ids))}});
  SafetensorsWriter writer(folder.path() / "pieces",
                           std::vector<TensorHead>{{"ids", DType::i64, {3}}, {"rows", DType::f32, {3, 2}}});
  writer.write(std::as_bytes(std::span(ids)));
  for (std::size_t i = 0; i < 3; ++i) writer.write(all.subspan(8 * i, 8));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "pieces"));
  writer.commit();
  const MappedFile whole(folder.path() / "whole"), pieces(folder.path() / "pieces");
  EXPECT_TRUE(std::ranges::equal(whole.bytes(), pieces.bytes()));
}

TEST(SafetensorsWrite, FailureLeavesTheOldFile) {
  const TempFolder folder;
  expect_error([&] { write_safetensors(folder.path() / "no" / "out.safetensors", {}); },
               {"out.safetensors", "cannot create"});
  std::filesystem::create_directory(folder.path() / "taken");
  expect_error([&] { write_safetensors(folder.path() / "taken", {}); }, {"taken", "is a folder"});
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 1);
}

}  // namespace
}  // namespace dsa
