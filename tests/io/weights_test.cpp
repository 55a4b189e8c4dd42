#include <rapidcheck.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include <synfire/weights.hpp>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;

namespace {

std::string little_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> 8 * i);
  return bytes;
}

/// A file with this header and these bytes of data.
std::string with_header(std::string_view header, std::string_view data = "") {
  return little_endian(header.size()) + std::string(header) + std::string(data);
}

/// What is wrong with a file of these bytes; "" where it is read.
std::string fault_in(std::string_view bytes) {
  const TemporaryFolder folder;
  const auto path = folder / "some.safetensors";
  put(path, bytes);
  return fault_of(path, [&] { read_safetensors(path); });
}

/// A tensor's entry in a header.
std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape +
         R"(],"data_offsets":[)" + offsets + "]}";
}

/// A header of those entries, 12 bytes of data behind it.
template <class... Entries>
std::string fault_with(const Entries&... entries) {
  std::string header = "{";
  ((header += (header.size() == 1 ? "" : ",") + std::string(entries)), ...);
  return fault_in(with_header(header + "}", std::string(12, '\0')));
}

/// Two tensors and a line of metadata, as write_safetensors lays them out.
TensorFile small_file() {
  const float values[] = {1.5f, -2.0f, 0.0f};
  TensorFile file;
  file.tensors = {Tensor::of("kernel", {3, 1}, values),
                  Tensor::of("steps", std::vector<std::uint64_t>{7})};
  file.metadata = {{"signature", "some|net"}};
  return file;
}

std::string written(const TensorFile& file) {
  const TemporaryFolder folder;
  write_safetensors(folder / "file", file);
  return bytes_of(folder / "file");
}

void check_same(const TensorFile& a, const TensorFile& b) {
  RC_ASSERT(a.metadata == b.metadata);
  RC_ASSERT(a.tensors.size() == b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const Tensor &x = a.tensors[i], &y = b.tensors[i];
    RC_ASSERT(x.name == y.name);
    RC_ASSERT(x.shape == y.shape);
    RC_ASSERT(x.dtype == y.dtype);
    RC_ASSERT(x.bytes == y.bytes);
  }
}

/// Control characters, quotes, letters beyond ASCII.
std::string random_text() {
  auto text = *rc::gen::container<std::string>(rc::gen::cast<char>(rc::gen::inRange<int>(0, 128)));
  return text + *rc::gen::element<std::string>("", "\xc3\xa9", "\xe7\xa5\x9e\xe7\xb5\x8c");
}

Tensor random_tensor(std::size_t index) {
  struct Kind {
    DType dtype;
    std::size_t bytes;
  };
  const Kind kind = *rc::gen::elementOf(std::vector<Kind>{
      {DType::F32, 4}, {DType::F64, 8}, {DType::U8, 1}, {DType::I32, 4}, {DType::I64, 8}});
  Tensor tensor{std::to_string(index) + random_text(), {}, kind.dtype, {}};
  const auto rank = *rc::gen::inRange<std::size_t>(0, 5);
  for (std::size_t i = 0; i < rank; ++i)
    tensor.shape.push_back(*rc::gen::inRange<std::size_t>(0, 5));
  tensor.bytes.resize(tensor.size() * kind.bytes);
  for (std::size_t i = 0; i < tensor.bytes.size(); ++i) {
    auto byte = *rc::gen::arbitrary<std::uint8_t>();
    const bool exponent = i % kind.bytes == kind.bytes - 1;
    if (exponent && kind.dtype != DType::U8) byte &= 0xbf;  // finite, where it is a float
    tensor.bytes[i] = std::byte{byte};
  }
  return tensor;
}

long peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("tensors survive a file to the last bit, and the file itself too") {
  CHECK(rc::check("round trip", [] {
    TensorFile file;
    const auto count = *rc::gen::inRange<std::size_t>(0, 6);
    for (std::size_t i = 0; i < count; ++i) file.tensors.push_back(random_tensor(i));
    const auto lines = *rc::gen::inRange<std::size_t>(0, 4);
    for (std::size_t i = 0; i < lines; ++i) file.metadata[random_text()] = random_text();

    const TemporaryFolder folder;
    write_safetensors(folder / "file", file);
    const TensorFile again = read_safetensors(folder / "file");
    check_same(again, file);
    write_safetensors(folder / "again", again);
    RC_ASSERT(bytes_of(folder / "again") == bytes_of(folder / "file"));
  }));
}

TEST_CASE("the layout is the format's: length, header padded to 8 bytes, data") {
  const std::string bytes = written(small_file());
  const std::string header = R"({"__metadata__":{"signature":"some|net"},)"
                             R"("kernel":{"dtype":"F32","shape":[3,1],"data_offsets":[0,12]},)"
                             R"("steps":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}})";
  const std::size_t padded = (header.size() + 7) / 8 * 8;
  REQUIRE(bytes.size() == 8 + padded + 20);
  CHECK(bytes.substr(0, 8) == little_endian(padded));
  CHECK(nlohmann::json::parse(bytes.substr(8, padded)) == nlohmann::json::parse(header));
  CHECK(bytes.substr(8 + padded, 4) == std::string("\x00\x00\xc0\x3f", 4));  // 1.5
  CHECK(bytes.substr(8 + padded + 12) == little_endian(7));
}

TEST_CASE("values are taken by their type alone") {
  const TensorFile file = small_file();
  CHECK(file.find("kernel")->floats() == std::vector<float>{1.5f, -2.0f, 0.0f});
  CHECK(file.find("steps")->integers() == std::vector<std::uint64_t>{7});
  CHECK(file.find("bias") == nullptr);
  CHECK_THROWS_WITH(file.find("steps")->floats(), "tensor 'steps' is I64 where F32 is expected");
  CHECK_THROWS_WITH(file.find("kernel")->integers(),
                    "tensor 'kernel' is F32 where I64, I32 or U8 is expected");
  const Tensor bytes{"bytes", {2}, DType::U8, {std::byte{0}, std::byte{255}}};
  CHECK(bytes.integers() == std::vector<std::uint64_t>{0, 255});
  Tensor words{"words", {1}, DType::I32, std::vector<std::byte>(4)};
  const std::int32_t value = 123456789;
  std::memcpy(words.bytes.data(), &value, 4);
  CHECK(words.integers() == std::vector<std::uint64_t>{123456789});
}

TEST_CASE("safetensors: a path without a file behind it") {
  const TemporaryFolder folder;
  const auto fault = [](const std::filesystem::path& path) {
    return fault_of(path, [&] { read_safetensors(path); });
  };
  CHECK(fault(folder / "nothing") == "there is no such file");
  CHECK(fault(folder.path()) == "is a folder where a file is expected");
  CHECK(fault("/dev/zero") == "is a device where a file is expected");
}

TEST_CASE("safetensors: a file that ends too early, wherever that is") {
  const std::string bytes = written(small_file());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    INFO(n << " of " << bytes.size() << " bytes");
    CHECK(fault_in(bytes.substr(0, n)) != "");
  }
  CHECK(fault_in(bytes) == "");
  CHECK_THAT(fault_in(""), Contains("has 0 bytes where"));
  CHECK_THAT(fault_in(bytes.substr(0, 7)), Contains("has 7 bytes where"));
  CHECK_THAT(fault_in(bytes.substr(0, 20)), Contains("is truncated: its header should have"));
  CHECK_THAT(fault_in(bytes.substr(0, bytes.size() - 1)),
             Contains("tensor 'steps' claims bytes 12 to 20 of the file's 19 bytes of data"));
}

TEST_CASE("safetensors: any one bit may flip: the file is refused, or one that can be written") {
  const std::string bytes = written(small_file());
  const TemporaryFolder folder;
  const auto path = folder / "file";
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 8 * bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
    put(path, damaged);
    INFO("bit " << i);
    const std::string fault = fault_of(path, [&] {
      const TensorFile file = read_safetensors(path);
      CHECK_NOTHROW(write_safetensors("/dev/null", file));  // which checks all it writes
    });
    refused += fault == "" ? 0 : 1;
  }
  CHECK(refused > 4 * bytes.size());
}

TEST_CASE("safetensors: a header may claim any length, memory is taken for what is there") {
  const long before = peak_memory();
  const std::string most = "where a safetensors file has at most 100000000";
  for (const std::uint64_t length : {std::uint64_t{1} << 63, ~std::uint64_t{0},
                                     ~std::uint64_t{0} - 7, std::uint64_t{100'000'001}}) {
    CHECK(fault_in(little_endian(length) + "{}") ==
          "claims a header of " + std::to_string(length) + " bytes " + most);
  }
  CHECK(fault_in(little_endian(100'000'000) + "{}") ==
        "is truncated: its header should have 100000000 bytes but the file has only 10");
  CHECK_THAT(fault_in(little_endian(3) + "{}"), Contains("its header should have 3 bytes"));
  CHECK(fault_in(little_endian(0)) == "has no safetensors header: it should begin with '{'");
  CHECK(peak_memory() - before < 64 * 1024);
}

TEST_CASE("safetensors: a header that is not JSON") {
  const TemporaryFolder folder;
  CHECK(fault_in(with_header("{}")) == "");
  CHECK(fault_in(with_header("{}      ")) == "");
  for (const char* header :
       {"{", "{\"a\"", "{\"a\":", "{}x", "{} {}", "{,}", "{'a':{}}", "{\"__metadata__\":{},}",
        "{/* nothing */}", "{\"a\":NaN}", "{\"a\":1e999}", "{\"\xff\":{}}", "{\"\xc3\":{}}",
        "{\"\\ud800\":{}}", "{\"a\nb\":{}}", "{\"\\x\":{}}"}) {
    INFO(header);
    CHECK_THAT(fault_in(with_header(header)), Contains("its header is not JSON at byte "));
  }
  for (const char* header : {"[]", " {}", "null", "\xef\xbb\xbf{}", "not weights"}) {
    CHECK_THAT(fault_in(with_header(header)), Contains("it should begin with '{'"));
  }
  CHECK(fault_in(with_header({"{}\0more", 7})) ==
        "its header has a zero byte where JSON is expected");
}

TEST_CASE("safetensors: a header nested deeply is refused at its second level") {
  const auto repeated = [](std::string_view text) {
    std::string all;
    for (int i = 0; i < 200'000; ++i) all += text;
    return all;
  };
  CHECK_THAT(fault_in(with_header(repeated("{\"a\":"))),
             Contains("has an object where an array for the a of tensor 'a'") ||
                 Contains("has a field 'a'"));
  CHECK_THAT(fault_in(with_header("{\"a\":" + repeated("["))),
             Contains("has an array where an object for 'a' is expected"));
  CHECK_THAT(fault_in(with_header(R"({"a":{"shape":)" + repeated("["))),
             Contains("has an array where a whole number from 0 to 2^64 - 1 is expected"));
  CHECK_THAT(fault_in(with_header(R"({"__metadata__":{"a":)" + repeated("{\"a\":"))),
             Contains("has an object where a string for 'a' is expected"));
}

TEST_CASE("safetensors: a header of the wrong form says what was expected where") {
  const auto fault = [](const char* header) { return fault_in(with_header(header)); };
  CHECK_THAT(fault(R"({"a":null})"), Contains("has null where an object for 'a' is expected"));
  CHECK_THAT(fault(R"({"a":"b"})"), Contains("has a string where an object for 'a'"));
  CHECK_THAT(fault(R"({"__metadata__":"b"})"), Contains("has a string where an object"));
  CHECK_THAT(fault(R"({"__metadata__":{"dt":0.01}})"),
             Contains("has a fraction or a number beyond 2^64 where a string for 'dt'"));
  CHECK_THAT(fault(R"({"__metadata__":{"dt":true}})"), Contains("has a truth value where"));
  CHECK_THAT(fault(R"({"a":{}})"), Contains("tensor 'a' lacks one of the fields"));
  CHECK_THAT(fault(R"({"a":{"dtype":"F32","shape":[]}})"), Contains("lacks one of the fields"));
  CHECK_THAT(fault(R"({"a":{"size":1}})"), Contains("tensor 'a' has a field 'size' where"));
  CHECK_THAT(fault(R"({"a":{"dtype":1}})"),
             Contains("has a number where the dtype's name of tensor 'a' is expected"));
  CHECK_THAT(fault(R"({"a":{"dtype":["F32"]}})"), Contains("has an array where the dtype's name"));
  CHECK_THAT(fault(R"({"a":{"shape":"3"}})"),
             Contains("has a string where an array for the shape of tensor 'a' is expected"));
  CHECK_THAT(fault(R"({"a":{"shape":[-1]}})"), Contains("has a negative number where"));
  CHECK_THAT(fault(R"({"a":{"shape":[1.5]}})"), Contains("has a fraction or a number beyond"));
  CHECK_THAT(fault(R"({"a":{"shape":[18446744073709551616]}})"), Contains("beyond 2^64 where"));
  CHECK_THAT(fault(R"({"a":{"shape":[1,1,1,1,1,1,1,1,1]}})"),
             Contains("tensor 'a' has more than 8 dimensions"));
  CHECK_THAT(fault(R"({"a":{"data_offsets":[0]}})"), Contains("that are not two numbers"));
  CHECK_THAT(fault(R"({"a":{"data_offsets":[0,1,2]}})"), Contains("more than two data_offsets"));
}

TEST_CASE("safetensors: an unknown dtype") {
  for (const char* dtype : {"F16", "BF16", "BOOL", "f32", "", "F32 "}) {
    CHECK(fault_with(entry("a", dtype, "3", "0,12")) ==
          "tensor 'a' has dtype '" + std::string(dtype) +
              "' where F32, F64, U8, I32 or I64 is expected");
  }
}

TEST_CASE("safetensors: a name that stands twice, in whatever spelling") {
  CHECK(fault_with(entry("a", "U8", "6", "0,6"), entry("a", "U8", "6", "6,12")) ==
        "its header names 'a' twice");
  CHECK(fault_with(entry("a", "U8", "6", "0,6"), entry("\\u0061", "U8", "6", "6,12")) ==
        "its header names 'a' twice");
  CHECK(fault_with(R"("__metadata__":{})", R"("__metadata__":{})") ==
        "its header names '__metadata__' twice");
  CHECK(fault_with(R"("__metadata__":{"dt":"1","dt":"2"})") == "its metadata names 'dt' twice");
  CHECK(fault_with(R"("a":{"dtype":"F32","dtype":"F32"})") == "tensor 'a' has two fields 'dtype'");
}

TEST_CASE("safetensors: tensors fill the data without overlap, gap or rest") {
  CHECK(fault_with(entry("a", "F32", "3", "0,12")) == "");
  CHECK(fault_with(entry("b", "U8", "2", "10,12"), entry("a", "U8", "10", "0,10")) == "");
  CHECK(fault_with(entry("a", "U8", "12", "0,12"), entry("none", "F32", "0,7", "12,12")) == "");

  CHECK(fault_with(entry("a", "F32", "3", "0,12"), entry("b", "F32", "3", "0,12")) ==
        "tensor 'b' overlaps the tensor before it");
  CHECK(fault_with(entry("a", "U8", "8", "0,8"), entry("b", "U8", "5", "7,12")) ==
        "tensor 'b' overlaps the tensor before it");
  CHECK(fault_with(entry("a", "U8", "12", "0,12"), entry("none", "U8", "0", "5,5")) ==
        "tensor 'none' overlaps the tensor before it");
  CHECK(fault_with(entry("a", "U8", "8", "4,12")) == "there is a gap of 4 bytes before tensor 'a'");
  CHECK(fault_with(entry("a", "U8", "4", "0,4"), entry("b", "U8", "7", "5,12")) ==
        "there is a gap of 1 bytes before tensor 'b'");
  CHECK(fault_with(entry("a", "F32", "2", "0,8")) == "4 bytes follow the last tensor");
  CHECK(fault_with() == "12 bytes follow the last tensor");
  CHECK_THAT(fault_in(written(small_file()) + 'x'), Contains("1 bytes follow the last tensor"));
}

TEST_CASE("safetensors: offsets out of range, and shapes that are not their bytes") {
  CHECK_THAT(fault_with(entry("a", "F32", "3", "4,16")),
             Contains("tensor 'a' claims bytes 4 to 16 of the file's 12 bytes of data"));
  CHECK_THAT(fault_with(entry("a", "F32", "3", "12,0")), Contains("claims bytes 12 to 0"));
  CHECK_THAT(fault_with(entry("a", "U8", "1", "18446744073709551615,0")), Contains("claims bytes"));
  CHECK_THAT(fault_with(entry("a", "U8", "1", "0,18446744073709551615")), Contains("claims bytes"));
  CHECK(fault_with(entry("a", "F32", "2", "0,12")) ==
        "tensor 'a' has a shape of 8 bytes but claims bytes 0 to 12");
  CHECK_THAT(fault_with(entry("a", "F64", "3", "0,12")), Contains("has a shape of 24 bytes"));
  CHECK_THAT(fault_with(entry("a", "F32", "", "0,12")), Contains("has a shape of 4 bytes"));

  // Products that are 12 or 0 in 64 bits.
  for (const char* shape : {"4294967296,4294967296", "9223372036854775808,2", "4611686018427387907",
                            "18446744073709551615,18446744073709551615"}) {
    CHECK(fault_with(entry("a", "F32", shape, "0,12")) ==
          "tensor 'a' has a shape beyond 2^64 bytes");
    CHECK(fault_with(entry("a", "F32", shape, "0,0"), entry("b", "F32", "3", "0,12")) ==
          "tensor 'a' has a shape beyond 2^64 bytes");
  }
}

TEST_CASE("safetensors: NaN and infinite values are named by tensor and index") {
  const auto check = []<class Value>(const char* dtype, Value bad) {
    std::vector<Value> values(3, std::numeric_limits<Value>::max());
    std::string data(sizeof(Value) * 3, '\0');
    const std::string header =
        "{" + entry("w", dtype, "3", "0," + std::to_string(data.size())) + "}";
    std::memcpy(data.data(), values.data(), data.size());
    CHECK(fault_in(with_header(header, data)) == "");
    for (const std::size_t i : {0, 2}) {
      auto with_bad = values;
      with_bad[i] = bad;
      std::memcpy(data.data(), with_bad.data(), data.size());
      CHECK(fault_in(with_header(header, data)) == "tensor 'w' has NaN or infinity at index " +
                                                       std::to_string(i) +
                                                       " where finite values are expected");
    }
  };
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    check("F32", bad);
    check("F64", static_cast<double>(bad));
  }
}

TEST_CASE("safetensors: an error carries the byte where it went wrong") {
  const TemporaryFolder folder;
  const auto offset = [&](std::string_view bytes) {
    put(folder / "file", bytes);
    try {
      read_safetensors(folder / "file");
    } catch (const FileError& error) {
      return error.offset;
    }
    return std::uint64_t{0};
  };
  const std::string header = "{" + entry("w", "F32", "2", "0,8") + "}";
  const float values[] = {1.0f, std::numeric_limits<float>::infinity()};
  std::string data(8, '\0');
  std::memcpy(data.data(), values, 8);
  CHECK(offset(with_header(header, data)) == 8 + header.size() + 4);
  CHECK(offset(with_header(header, std::string(11, '\0'))) == 8 + header.size() + 8);
  CHECK(offset("short") == 5);
  CHECK(offset(with_header("{}\t?")) >= 8 + 3);
}

TEST_CASE("safetensors: text from a file comes into a sentence tamed") {
  const std::string fault = fault_in(with_header(R"({"\u001b[31m\n":1})"));
  CHECK_THAT(fault, Contains(R"('\x1b[31m\x0a')"));
  const std::string long_name(10'000, 'x');
  CHECK(fault_in(with_header("{\"" + long_name + "\":1}")).size() < 300);
}

TEST_CASE("safetensors: what cannot be read back is not written") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  put(path, "old");
  const auto fault = [&](const TensorFile& file) {
    return fault_of(path, [&] { write_safetensors(path, file); });
  };
  const float one = 1.0f, nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor sound = Tensor::of("w", {1}, &one);
  CHECK(fault({{sound, sound}, {}}) == "cannot hold two tensors named 'w'");
  CHECK(fault({{Tensor::of("__metadata__", {1}, &one)}, {}}) ==
        "cannot hold two tensors named '__metadata__'");
  CHECK_THAT(fault({{Tensor::of("w", {1}, &nan)}, {}}),
             Contains("tensor 'w' has NaN or infinity at index 0"));
  CHECK_THAT(fault({{Tensor{"w", {2}, DType::F32, sound.bytes}}, {}}),
             Contains("tensor 'w' has 4 bytes, which its shape does not say"));
  CHECK_THAT(fault({{Tensor::of("w", std::vector<std::size_t>(9, 1), &one)}, {}}),
             Contains("which its shape does not say"));
  CHECK_THAT(fault({{Tensor::of("\xff", {1}, &one)}, {}}), Contains("which is not UTF-8"));
  CHECK_THAT(fault({{sound}, {{"dt", "\xc3"}}}), Contains("which is not UTF-8"));
  CHECK_THAT(fault({{sound}, {{"\xc3", "0.1"}}}), Contains("which is not UTF-8"));
  CHECK(bytes_of(path) == "old");
  CHECK(folder.entries() == 1);
}
