#include "idx.hpp"

#define ZLIB_CONST
#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <new>
#include <utility>

#include "file.hpp"
#include "synfire/error.hpp"

namespace synfire {
namespace io {
namespace {

constexpr std::uint64_t kMostValues = std::uint64_t{1} << 31;
constexpr std::uint8_t kUnsignedByte = 0x08;

/// Bytes as they are, or inflated when they begin as gzip does.
class Unpacked {
 public:
  Unpacked(std::filesystem::path name, const ReadBytes& source)
      : name_(std::move(name)), source_(source), input_(1 << 16) {
    refill();
    gzip_ = stream_.avail_in >= 2 && input_[0] == 0x1f && input_[1] == 0x8b;
    // 15: the largest window; 16: gzip only, whose checksum zlib then compares.
    if (gzip_ && inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~Unpacked() {
    if (gzip_) inflateEnd(&stream_);
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  /// Reads n bytes; fewer only at the end. A gzip stream has then been seen to be whole.
  std::size_t read(std::uint8_t* out, std::size_t n) {
    std::size_t done = 0;
    while (done < n && !ended_) {
      if (stream_.avail_in == 0 && !refill()) {
        if (gzip_) fail("its gzip stream is truncated");
        ended_ = true;
      } else if (gzip_) {
        done += inflate_into(out + done, n - done);
      } else {
        const std::size_t taken = std::min<std::size_t>(n - done, stream_.avail_in);
        std::copy_n(stream_.next_in, taken, out + done);
        stream_.next_in += taken;
        stream_.avail_in -= static_cast<uInt>(taken);
        done += taken;
      }
    }
    return done;
  }

 private:
  bool refill() {
    const std::size_t got = source_(input_.data(), input_.size());
    taken_ += got;
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  std::size_t inflate_into(std::uint8_t* out, std::size_t n) {
    n = std::min<std::size_t>(n, 1 << 30);  // zlib counts in 32 bits
    stream_.next_out = out;
    stream_.avail_out = static_cast<uInt>(n);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_STREAM_END) {
      ended_ = true;
      if (stream_.avail_in > 0 || refill()) fail("bytes follow the end of its gzip stream");
    } else if (result != Z_OK) {
      fail(std::string("its gzip stream is damaged (") +
           (stream_.msg != nullptr ? stream_.msg : "zlib cannot go on") + ")");
    }
    return n - stream_.avail_out;
  }

  [[noreturn]] void fail(const std::string& fault) const {
    throw FileError(name_, taken_ - stream_.avail_in, fault);
  }

  std::filesystem::path name_;
  const ReadBytes& source_;
  std::vector<std::uint8_t> input_;
  z_stream stream_{};
  std::uint64_t taken_ = 0;
  bool gzip_ = false, ended_ = false;
};

/// The file's first bytes: 0, 0, the type, the rank, and each extent as a big-endian 32-bit number.
std::vector<std::uint8_t> header_of(const std::vector<std::size_t>& shape) {
  std::vector<std::uint8_t> header{0, 0, kUnsignedByte, static_cast<std::uint8_t>(shape.size())};
  for (const std::size_t extent : shape) {
    for (const int shift : {24, 16, 8, 0}) {
      header.push_back(static_cast<std::uint8_t>(extent >> shift));
    }
  }
  return header;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string sha256_of(std::initializer_list<std::span<const std::uint8_t>> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::array<std::uint8_t, 32> digest{};
  bool ok = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const auto part : parts) {
    ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  if (!ok || EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    throw Error("OpenSSL cannot compute SHA-256 on this machine");
  }
  return hex(digest);
}

}  // namespace

IdxFile parse_idx(const std::filesystem::path& name, const ReadBytes& source) {
  Unpacked in(name, source);
  const auto ends_early = [&](std::uint64_t at, const std::string& wanted) {
    return FileError(
        name, at,
        at == 0 ? "is empty where an IDX file is expected"
                : "is truncated: it ends after " + std::to_string(at) + " bytes where " + wanted);
  };

  std::array<std::uint8_t, 4> magic{};
  if (const std::size_t got = in.read(magic.data(), 4); got < 4) {
    throw ends_early(got, "an IDX file begins with a magic number of 4");
  }
  const std::size_t rank = magic[3];
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != kUnsignedByte || (rank != 1 && rank != 3)) {
    throw FileError(name, 0,
                    "has magic number 0x" + hex(magic) +
                        " where 0x00000801 (labels) or 0x00000803 (images) is expected");
  }

  IdxFile file;
  std::uint64_t promised = 1;
  bool too_many = false;
  std::string extents;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    std::array<std::uint8_t, 4> big_endian{};
    if (const std::size_t got = in.read(big_endian.data(), 4); got < 4) {
      throw ends_early(4 + 4 * axis + got,
                       "its header should have " + std::to_string(4 + 4 * rank));
    }
    std::uint32_t extent = 0;
    for (const std::uint8_t byte : big_endian) extent = extent << 8 | byte;
    file.shape.push_back(extent);
    extents += (axis ? " x " : "") + std::to_string(extent);
    too_many = too_many || __builtin_mul_overflow(promised, std::uint64_t{extent}, &promised);
  }
  if (too_many || promised > kMostValues) {
    throw FileError(name, 4,
                    "its header claims " + extents + " values where at most 2^31 are read");
  }

  // Memory grows with what has really been read, never with what the header claims.
  const std::size_t header_bytes = 4 + 4 * rank;
  std::size_t have = 0;
  while (have < promised) {
    file.values.resize(
        std::min<std::size_t>(promised, std::max<std::size_t>(2 * have, std::size_t{1} << 20)));
    const std::size_t wanted = file.values.size() - have;
    const std::size_t got = in.read(file.values.data() + have, wanted);
    have += got;
    if (got < wanted) {
      throw ends_early(header_bytes + have, "its header promises " +
                                                std::to_string(header_bytes + promised) + " (" +
                                                extents + " values)");
    }
  }
  if (std::uint8_t extra = 0; in.read(&extra, 1) != 0) {
    throw FileError(name, header_bytes + promised,
                    "has bytes after the " + extents + " values that its header promises");
  }
  return file;
}

std::string unpacked_sha256(const IdxFile& file) {
  return sha256_of({header_of(file.shape), file.values});
}

Sums sums_of(const ImageSet& set) {
  return {sha256_of({header_of({set.size(), set.height, set.width}), set.pixels}),
          sha256_of({header_of({set.size()}), set.labels})};
}

std::string fingerprint(const Sums& train, const Sums& test) {
  const std::string sums = train.images + train.labels + test.images + test.labels;
  return sha256({reinterpret_cast<const std::uint8_t*>(sums.data()), sums.size()});
}

}  // namespace io

IdxFile IdxFile::read(const std::filesystem::path& path) {
  io::InputFile in(path);
  return io::parse_idx(path, [&](std::uint8_t* out, std::size_t n) { return in.read(out, n); });
}

std::string sha256(std::span<const std::uint8_t> bytes) {
  return io::sha256_of({bytes});
}

}  // namespace synfire
