#include "synfire/weights.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "file.hpp"
#include "synfire/error.hpp"

namespace synfire {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are copied as they lie in memory");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;
constexpr std::size_t kHighestRank = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};
constexpr DTypeInfo kDTypes[] = {{DType::F32, "F32", 4},
                                 {DType::F64, "F64", 8},
                                 {DType::U8, "U8", 1},
                                 {DType::I32, "I32", 4},
                                 {DType::I64, "I64", 8}};

const DTypeInfo& info(DType dtype) {
  return *std::find_if(std::begin(kDTypes), std::end(kDTypes),
                       [&](const DTypeInfo& known) { return known.dtype == dtype; });
}

/// The bytes that an array of this shape takes; nothing when the number overflows.
std::optional<std::uint64_t> byte_count(const std::vector<std::size_t>& shape, DType dtype) {
  std::uint64_t count = info(dtype).bytes;
  for (const std::size_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

template <typename Value>
std::optional<std::size_t> first_not_finite(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(Value); ++i) {
    Value value;
    std::memcpy(&value, bytes.data() + i * sizeof(Value), sizeof(Value));
    if (!std::isfinite(value)) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> first_not_finite(const Tensor& tensor) {
  if (tensor.dtype == DType::F32) return first_not_finite<float>(tensor.bytes);
  if (tensor.dtype == DType::F64) return first_not_finite<double>(tensor.bytes);
  return std::nullopt;
}

std::string tensor_called(std::string_view name) {
  return "tensor " + io::quoted(name);
}

/// What the header says of one tensor. Offsets count from the end of the header.
struct Entry {
  std::string name;
  std::vector<std::size_t> shape;
  DType dtype = DType::F32;
  std::uint64_t begin = 0, end = 0;
};

/// Takes the header token by token, so that a duplicate key or a deep nest is seen where it stands.
/// The places below are all that a header may hold: anything else ends the reading.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::filesystem::path& path) : path_(path) {}

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a truth value"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return unexpected("a fraction or a number beyond 2^64");
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::Shape && place_ != Place::Offsets) return unexpected("a number");
    numbers_.push_back(value);
    if (place_ == Place::Shape && numbers_.size() > kHighestRank) {
      fail(where() + " has more than " + std::to_string(kHighestRank) + " dimensions");
    }
    if (place_ == Place::Offsets && numbers_.size() > 2) {
      fail(where() + " has more than two data_offsets");
    }
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::Metadata) {
      metadata[key_] = text;
    } else if (place_ == Place::Tensor && key_ == "dtype") {
      const auto* known = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                       [&](const DTypeInfo& it) { return it.name == text; });
      if (known == std::end(kDTypes)) {
        fail(where() + " has dtype " + io::quoted(text) +
             " where F32, F64, U8, I32 or I64 is expected");
      }
      entries.back().dtype = known->dtype;
    } else {
      return unexpected("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::Start) {
      place_ = Place::Root;
    } else if (place_ == Place::Root) {
      place_ = key_ == kMetadataKey ? Place::Metadata : Place::Tensor;
      fields_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& text) override {
    key_ = text;
    if (place_ == Place::Root) {
      if (!names_.insert(text).second) fail("its header names " + io::quoted(text) + " twice");
      if (text != kMetadataKey) entries.emplace_back().name = text;
    } else if (place_ == Place::Metadata) {
      if (metadata.contains(text)) {
        fail("its metadata names " + io::quoted(text) + " twice");
      }
    } else {
      if (text != "dtype" && text != "shape" && text != "data_offsets") {
        fail(where() + " has a field " + io::quoted(text) +
             " where dtype, shape and data_offsets are expected");
      }
      if (!fields_.insert(text).second) fail(where() + " has two fields " + io::quoted(text));
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::Tensor && fields_.size() != 3) {
      fail(where() + " lacks one of the fields dtype, shape and data_offsets");
    }
    place_ = place_ == Place::Root ? Place::End : Place::Root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::Tensor || key_ == "dtype") return unexpected("an array");
    place_ = key_ == "shape" ? Place::Shape : Place::Offsets;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    if (place_ == Place::Shape) {
      entries.back().shape.assign(numbers_.begin(), numbers_.end());
    } else {
      if (numbers_.size() != 2) fail(where() + " has data_offsets that are not two numbers");
      entries.back().begin = numbers_[0];
      entries.back().end = numbers_[1];
    }
    place_ = Place::Tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    throw FileError(path_, kLengthBytes + position,
                    "its header is not JSON at byte " + std::to_string(kLengthBytes + position));
  }

 private:
  enum class Place { Start, Root, Metadata, Tensor, Shape, Offsets, End };

  std::string where() const { return tensor_called(entries.back().name); }

  std::string expected() const {
    switch (place_) {
      case Place::Root:
        return "an object for " + io::quoted(key_) + " is expected";
      case Place::Metadata:
        return "a string for " + io::quoted(key_) + " is expected";
      case Place::Tensor:
        return (key_ == "dtype" ? "the dtype's name of " : "an array for the " + key_ + " of ") +
               where() + " is expected";
      case Place::Shape:
      case Place::Offsets:
        return "a whole number from 0 to 2^64 - 1 is expected for the " + key_ + " of " + where();
      default:
        return "an object of tensors is expected";
    }
  }

  bool unexpected(const std::string& found) const {
    fail("its header has " + found + " where " + expected());
  }

  [[noreturn]] void fail(const std::string& fault) const {
    throw FileError(path_, kLengthBytes, fault);
  }

  const std::filesystem::path& path_;
  Place place_ = Place::Start;
  std::string key_;
  std::set<std::string> names_, fields_;
  std::vector<std::uint64_t> numbers_;
};

/// Sorts the entries as they lie in the file and checks that they fill its `data_bytes` exactly.
void check_layout(const std::filesystem::path& path, std::vector<Entry>& entries,
                  std::uint64_t data_begin, std::uint64_t data_bytes) {
  for (const Entry& entry : entries) {
    const std::string where = tensor_called(entry.name);
    const std::string range =
        "bytes " + std::to_string(entry.begin) + " to " + std::to_string(entry.end);
    if (entry.begin > entry.end || entry.end > data_bytes) {
      throw FileError(path, data_begin,
                      where + " claims " + range + " of the file's " + std::to_string(data_bytes) +
                          " bytes of data");
    }
    const auto wanted = byte_count(entry.shape, entry.dtype);
    if (!wanted) throw FileError(path, data_begin, where + " has a shape beyond 2^64 bytes");
    if (*wanted != entry.end - entry.begin) {
      throw FileError(
          path, data_begin + entry.begin,
          where + " has a shape of " + std::to_string(*wanted) + " bytes but claims " + range);
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < at) {
      throw FileError(path, data_begin + entry.begin,
                      tensor_called(entry.name) + " overlaps the tensor before it");
    }
    if (entry.begin > at) {
      throw FileError(path, data_begin + at,
                      "there is a gap of " + std::to_string(entry.begin - at) + " bytes before " +
                          tensor_called(entry.name));
    }
    at = entry.end;
  }
  if (at != data_bytes) {
    throw FileError(path, data_begin + at,
                    std::to_string(data_bytes - at) + " bytes follow the last tensor");
  }
}

[[noreturn]] void throw_not_finite(const std::filesystem::path& path, std::uint64_t offset,
                                   const Tensor& tensor, std::size_t index) {
  throw FileError(path, offset,
                  tensor_called(tensor.name) + " has NaN or infinity at index " +
                      std::to_string(index) + " where finite values are expected");
}

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// `text` as a JSON string. Only UTF-8 can be one.
std::string json_string(const std::filesystem::path& path, const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw FileError(path, 0, "cannot hold " + io::quoted(text) + ", which is not UTF-8");
  }
}

}  // namespace

Tensor Tensor::of(std::string name, std::vector<std::size_t> shape, const float* values) {
  Tensor tensor{std::move(name), std::move(shape), DType::F32, {}};
  tensor.bytes.resize(tensor.size() * sizeof(float));
  if (!tensor.bytes.empty()) std::memcpy(tensor.bytes.data(), values, tensor.bytes.size());
  return tensor;
}

Tensor Tensor::of(std::string name, const std::vector<std::uint64_t>& values) {
  Tensor tensor{std::move(name), {values.size()}, DType::I64, {}};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

std::size_t Tensor::size() const {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  return count;
}

std::vector<float> Tensor::floats() const {
  if (dtype != DType::F32) {
    throw Error(tensor_called(name) + " is " + std::string(info(dtype).name) +
                " where F32 is expected");
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::vector<std::uint64_t> Tensor::integers() const {
  const auto widen = [this]<typename Value>(Value value) {
    std::vector<std::uint64_t> values(bytes.size() / sizeof(Value));
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::memcpy(&value, bytes.data() + i * sizeof(Value), sizeof(Value));
      values[i] = static_cast<std::uint64_t>(value);
    }
    return values;
  };
  switch (dtype) {
    case DType::U8:
      return widen(std::uint8_t{});
    case DType::I32:
      return widen(std::int32_t{});
    case DType::I64:
      return widen(std::int64_t{});
    default:
      throw Error(tensor_called(name) + " is " + std::string(info(dtype).name) +
                  " where I64, I32 or U8 is expected");
  }
}

const Tensor* TensorFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  io::InputFile in(path);
  if (!in.is_regular()) throw FileError(path, 0, "is a device where a file is expected");
  const auto read = [&](void* out, std::size_t n) {
    if (in.read(out, n) != n) throw FileError(path, 0, "became shorter while it was read");
  };

  const std::uint64_t file_bytes = in.size();
  if (file_bytes < kLengthBytes) {
    throw FileError(path, file_bytes,
                    "has " + std::to_string(file_bytes) +
                        " bytes where a safetensors file begins with the 8 of its header's length");
  }
  std::uint64_t header_bytes = 0;
  read(&header_bytes, kLengthBytes);
  if (header_bytes > kLongestHeader) {
    throw FileError(path, 0,
                    "claims a header of " + std::to_string(header_bytes) +
                        " bytes where a safetensors file has at most 100000000");
  }
  if (header_bytes > file_bytes - kLengthBytes) {
    throw FileError(path, file_bytes,
                    "is truncated: its header should have " + std::to_string(header_bytes) +
                        " bytes but the file has only " + std::to_string(file_bytes));
  }
  std::string header(header_bytes, '\0');
  read(header.data(), header.size());
  if (!header.starts_with('{')) {
    throw FileError(path, kLengthBytes, "has no safetensors header: it should begin with '{'");
  }
  // nlohmann::json takes a zero byte for the end of its input and would not look behind it.
  if (const auto zero = header.find('\0'); zero != std::string::npos) {
    throw FileError(path, kLengthBytes + zero, "its header has a zero byte where JSON is expected");
  }
  HeaderReader reader(path);
  nlohmann::json::sax_parse(header, &reader);

  const std::uint64_t data_begin = kLengthBytes + header_bytes;
  check_layout(path, reader.entries, data_begin, file_bytes - data_begin);

  TensorFile file;
  file.metadata = std::move(reader.metadata);
  file.tensors.reserve(reader.entries.size());
  for (Entry& entry : reader.entries) {
    Tensor tensor{std::move(entry.name), std::move(entry.shape), entry.dtype, {}};
    tensor.bytes.resize(entry.end - entry.begin);
    read(tensor.bytes.data(), tensor.bytes.size());
    if (const auto bad = first_not_finite(tensor)) {
      const std::uint64_t offset = data_begin + entry.begin + *bad * info(tensor.dtype).bytes;
      throw_not_finite(path, offset, tensor, *bad);
    }
    file.tensors.push_back(std::move(tensor));
  }
  return file;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  std::string header = "{";
  if (!file.metadata.empty()) {
    header += "\"" + std::string(kMetadataKey) + "\":{";
    for (const auto& [key, value] : file.metadata) {
      header += (header.back() == '{' ? "" : ",") + json_string(path, key) + ":" +
                json_string(path, value);
    }
    header += '}';
  }

  // What could not be read back is not written.
  std::set<std::string_view> names{kMetadataKey};
  std::vector<std::string_view> parts(2);
  std::uint64_t at = 0;
  for (const Tensor& tensor : file.tensors) {
    if (!names.insert(tensor.name).second) {
      throw FileError(path, 0, "cannot hold two tensors named " + io::quoted(tensor.name));
    }
    if (tensor.shape.size() > kHighestRank ||
        byte_count(tensor.shape, tensor.dtype) != tensor.bytes.size()) {
      throw FileError(path, 0,
                      tensor_called(tensor.name) + " has " + std::to_string(tensor.bytes.size()) +
                          " bytes, which its shape does not say");
    }
    if (const auto bad = first_not_finite(tensor)) throw_not_finite(path, 0, tensor, *bad);

    header += (header.size() == 1 ? "" : ",") + json_string(path, tensor.name) + ":{\"dtype\":\"" +
              std::string(info(tensor.dtype).name) + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      header += (i ? "," : "") + std::to_string(tensor.shape[i]);
    }
    const std::uint64_t end = at + tensor.bytes.size();
    header += "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(end) + "]}";
    at = end;
    parts.push_back(chars(tensor.bytes));
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');  // the format's own padding: aligned data
  if (header.size() > kLongestHeader) {
    throw FileError(path, 0, "cannot hold a header of more than 100000000 bytes");
  }

  const std::uint64_t header_bytes = header.size();
  parts[0] = chars(std::as_bytes(std::span(&header_bytes, 1)));
  parts[1] = header;
  io::write_parts(path, parts);
}

}  // namespace synfire
