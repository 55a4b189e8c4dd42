#include <rapidcheck.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;

namespace {

/// What is wrong with a file of these bytes; "" where it is read.
std::string fault_in(std::string_view bytes) {
  const TemporaryFolder folder;
  const auto path = folder / "some-idx";
  put(path, bytes);
  return fault_of(path, [&] { IdxFile::read(path); });
}

/// The most memory that this process has held, in kilobytes.
long peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

constexpr long kLittle = 64 * 1024;

const std::string kImages = idx_images(2, 3, 2, "0123456789ab");

}  // namespace

TEST_CASE("an IDX file gives its shape and bytes, plain or gzip") {
  CHECK(rc::check("read back", [] {
    const auto count = *rc::gen::inRange<std::uint32_t>(0, 40);
    const auto height = *rc::gen::inRange<std::uint32_t>(0, 20);
    const auto width = *rc::gen::inRange<std::uint32_t>(0, 20);
    const bool images = *rc::gen::arbitrary<bool>();
    const auto values = *rc::gen::container<std::vector<std::uint8_t>>(
        images ? count * height * width : count, rc::gen::arbitrary<std::uint8_t>());
    const std::string raw(values.begin(), values.end());
    const std::string bytes =
        images ? idx_images(count, height, width, raw) : idx_labels(count, raw);
    const TemporaryFolder folder;
    put(folder / "plain", bytes);
    put(folder / "packed.gz", gzip(bytes));
    for (const char* name : {"plain", "packed.gz"}) {
      const IdxFile file = IdxFile::read(folder / name);
      RC_ASSERT(file.values == values);
      RC_ASSERT(file.shape == (images ? std::vector<std::size_t>{count, height, width}
                                      : std::vector<std::size_t>{count}));
    }
  }));
}

TEST_CASE("the contents say whether a file is packed, not its name") {
  const TemporaryFolder folder;
  put(folder / "packed", gzip(kImages));
  put(folder / "plain.gz", kImages);
  CHECK(IdxFile::read(folder / "packed").values == IdxFile::read(folder / "plain.gz").values);
}

TEST_CASE("IDX: a path without a file behind it") {
  const TemporaryFolder folder;
  const auto fault = [](const std::filesystem::path& path) {
    return fault_of(path, [&] { IdxFile::read(path); });
  };
  CHECK(fault(folder / "nothing") == "there is no such file");
  CHECK(fault(folder.path()) == "is a folder where a file is expected");
  put(folder / "file", "");
  CHECK_THAT(fault(folder / "file" / "below"), Contains("cannot be opened (Not a directory)"));
  CHECK_THAT(fault(folder / std::string(300, 'x')),
             Contains("cannot be opened (File name too long)"));
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_THAT(fault(folder / "loop"), Contains("cannot be opened ("));
  CHECK_THAT(fault("/dev/null"), Contains("is empty"));
  CHECK_THAT(fault("/dev/zero"), Contains("has magic number 0x00000000"));
}

TEST_CASE("IDX: a file that ends too early, wherever that is") {
  CHECK(fault_in("") == "is empty where an IDX file is expected");
  CHECK(fault_in(gzip("")) == "is empty where an IDX file is expected");
  for (std::size_t n = 1; n < kImages.size(); ++n) {
    INFO(n << " bytes");
    const std::string fault = fault_in(kImages.substr(0, n));
    CHECK_THAT(fault, Contains("is truncated: it ends after " + std::to_string(n) + " bytes"));
    CHECK(fault_in(gzip(kImages.substr(0, n))) == fault);
  }
  CHECK_THAT(fault_in(kImages.substr(0, 20)), Contains("28 (2 x 3 x 2 values)"));
}

TEST_CASE("IDX: a gzip stream that ends too early, wherever that is") {
  const std::string packed = gzip(kImages);
  for (std::size_t n = 1; n < packed.size(); ++n) {
    INFO(n << " bytes");
    CHECK_THAT(fault_in(packed.substr(0, n)), Contains("truncated"));
  }
  CHECK(fault_in(packed) == "");
}

TEST_CASE("IDX: a gzip stream that is damaged, wherever that is") {
  const std::string packed = gzip(kImages);
  CHECK_THAT(fault_in(packed.substr(0, packed.size() - 8) + "checksum"),
             Contains("its gzip stream is damaged (incorrect data check)"));
  CHECK_THAT(fault_in(packed + "more"), Contains("bytes follow the end of its gzip stream"));
  CHECK_THAT(fault_in(packed + packed), Contains("bytes follow the end of its gzip stream"));

  // Some bits say nothing of the contents, such as the header's time; no other flip goes unseen.
  const TemporaryFolder folder;
  const auto path = folder / "some-idx";
  put(path, kImages);
  const auto values = IdxFile::read(path).values;
  std::size_t unseen = 0;
  for (std::size_t i = 0; i < 8 * packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
    put(path, damaged);
    const std::string fault =
        fault_of(path, [&] { unseen += IdxFile::read(path).values == values ? 0 : 1; });
    if (i / 8 > packed.size() - 9) CHECK(fault != "");  // checksum and length
  }
  CHECK(unseen == 0);
}

TEST_CASE("IDX: another magic number") {
  // Floats, images without a rank, rank 2, rank 4, the other byte order, text.
  for (const std::uint32_t magic : {0xd03u, 0x800u, 0x802u, 0x804u, 0x03080000u, 0x74657874u}) {
    const std::string fault = fault_in(big_endian(magic) + std::string(100, '\0'));
    CHECK_THAT(fault, Contains("has magic number 0x"));
    CHECK_THAT(fault, Contains("where 0x00000801 (labels) or 0x00000803 (images) is expected"));
  }
  CHECK_THAT(fault_in("PK\x03\x04 a zip archive"), Contains("0x504b0304"));
}

TEST_CASE("IDX: bytes after the last value") {
  CHECK(fault_in(kImages + 'x') == "has bytes after the 2 x 3 x 2 values that its header promises");
  CHECK_THAT(fault_in(gzip(kImages + 'x')), Contains("has bytes after the 2 x 3 x 2 values"));
  CHECK_THAT(fault_in(idx_labels(0, "x")), Contains("has bytes after the 0 values"));
}

TEST_CASE("IDX: a header may claim what it likes, memory is taken for what is there") {
  const long before = peak_memory();
  constexpr std::uint32_t kMost = 0xffffffff;
  const std::string too_many = "where at most 2^31 are read";
  CHECK(fault_in(idx_images(4'000'000'000u, 28, 28, "abc")) ==
        "its header claims 4000000000 x 28 x 28 values " + too_many);
  CHECK_THAT(fault_in(idx_images(kMost, kMost, kMost, "")), Contains(too_many));
  // 2^64 and more, that is 0 in 64 bits.
  CHECK_THAT(fault_in(idx_images(1u << 31, 1u << 31, 4, "")), Contains(too_many));
  CHECK_THAT(fault_in(idx_labels(kMost, "abc")), Contains(too_many));
  CHECK_THAT(fault_in(idx_labels((1u << 31) + 1, "abc")), Contains(too_many));
  CHECK_THAT(fault_in(idx_labels(1u << 31, "abc")),
             Contains("is truncated: it ends after 11 bytes where its header promises 2147483656"));
  CHECK_THAT(fault_in(gzip(idx_labels(1u << 31, "abc"))), Contains("is truncated"));
  CHECK(peak_memory() - before < kLittle);
}

TEST_CASE("IDX: a gzip stream that unpacks to more than its header says is not unpacked") {
  const std::string bomb = gzip(idx_images(2, 3, 2, std::string(200 << 20, '\0')));
  REQUIRE(bomb.size() < 2 << 20);
  const long before = peak_memory();
  const TemporaryFolder folder;
  put(folder / "bomb", bomb);
  CHECK_THROWS_WITH(IdxFile::read(folder / "bomb"), Contains("has bytes after the 2 x 3 x 2"));
  CHECK(peak_memory() - before < kLittle);
}

TEST_CASE("SHA-256 gives the known answers") {
  const auto sum = [](std::string_view text) {
    return sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  // FIPS 180-4, and the NIST example of a million letters.
  CHECK(sum("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sum("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sum(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
