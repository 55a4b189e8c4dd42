#include <curl/curl.h>

#include <array>
#include <cstring>
#include <memory>
#include <new>

#include "fashion_mnist.hpp"
#include "file.hpp"
#include "idx.hpp"
#include "synfire/dataset.hpp"
#include "synfire/error.hpp"
#include "synfire/weights.hpp"

namespace synfire {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kLargestDownload = 64 << 20;  // the largest of the four has 26 MB

/// libcurl's write callback: taking fewer bytes than it is given ends the transfer.
std::size_t append(const char* bytes, std::size_t, std::size_t n, void* out) {
  auto& body = *static_cast<std::string*>(out);
  if (n > kLargestDownload - body.size()) return 0;
  try {
    body.append(bytes, n);
  } catch (const std::bad_alloc&) {
    return 0;  // libcurl is C: nothing may be thrown through it
  }
  return n;
}

std::string download(const std::string& url) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(
      ready == CURLE_OK ? curl_easy_init() : nullptr, &curl_easy_cleanup);
  if (!curl) throw Error("libcurl cannot be started on this machine");

  std::string body;
  std::array<char, CURL_ERROR_SIZE> reason{};
  const auto set = [&](CURLoption option, auto value) {
    if (curl_easy_setopt(curl.get(), option, value) != CURLE_OK) throw std::bad_alloc();
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https,file");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_MAXREDIRS, 5L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_CONNECTTIMEOUT, 20L);
  set(CURLOPT_LOW_SPEED_LIMIT, 1000L);  // bytes a second, for
  set(CURLOPT_LOW_SPEED_TIME, 30L);     // seconds: then it is given up
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "synfire");
  set(CURLOPT_ERRORBUFFER, reason.data());
  set(CURLOPT_WRITEFUNCTION, &append);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&body));

  const CURLcode result = curl_easy_perform(curl.get());
  if (result == CURLE_WRITE_ERROR) {
    throw Error(url + ": cannot be downloaded (more than 64 MB, or no memory left)");
  }
  if (result != CURLE_OK) {
    throw Error(url + ": cannot be downloaded (" +
                (reason[0] != '\0' ? reason.data() : curl_easy_strerror(result)) + ")");
  }
  return body;
}

/// Throws unless these are the published bytes.
void check(const std::string& url, const std::string& body, const io::PublishedFile& published) {
  std::size_t at = 0;
  const IdxFile file = io::parse_idx(url, [&](std::uint8_t* out, std::size_t n) {
    n = std::min(n, body.size() - at);
    std::memcpy(out, body.data() + at, n);
    at += n;
    return n;
  });
  const std::string sum = io::unpacked_sha256(file);
  if (sum != published.sha256) {
    throw Error(url + ": unpacks to SHA-256 " + sum + " where Fashion-MNIST has " +
                std::string(published.sha256));
  }
}

/// Takes away what a download that failed has made: files that were not there before, and folders.
class Undo {
 public:
  ~Undo() {
    std::error_code ignored;
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) fs::remove(*path, ignored);
  }
  void make_folders(const fs::path& folder) {
    std::error_code fault;
    if (folder.empty() || fs::is_directory(folder, fault)) return;
    make_folders(folder.parent_path());
    if (fs::create_directory(folder, fault)) made_.push_back(folder);
    if (fault) throw FileError(folder, 0, "cannot be made a folder (" + fault.message() + ")");
  }
  void write(const fs::path& path, std::string_view bytes) {
    std::error_code ignored;
    const bool is_new = !fs::exists(path, ignored);
    write_file(path, bytes);
    if (is_new) made_.push_back(path);
  }
  void keep() { made_.clear(); }

 private:
  std::vector<fs::path> made_;
};

}  // namespace

fs::path cache_folder() {
  for (const DataPlace& place : data_places()) {
    if (place.source == "cache") return place.folder;
  }
  throw Error("there is no cache folder: neither XDG_CACHE_HOME nor HOME is set");
}

const char* const kFashionMnistUrl = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";

void fetch_fashion_mnist(const std::string& base_url) {
  if (base_url.find("://") == std::string::npos) {
    throw Error(io::quoted(base_url) +
                " is not an address that begins with http://, https:// or "
                "file://");
  }
  const fs::path folder = cache_folder();
  const std::string base = base_url.ends_with('/') ? base_url : base_url + "/";

  // Nothing touches the disk before all four are known to be right.
  std::array<std::string, io::kFashionMnistFiles.size()> bodies;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const std::string url = base + std::string(io::kFashionMnistFiles[i].name) + ".gz";
    bodies[i] = download(url);
    check(url, bodies[i], io::kFashionMnistFiles[i]);
  }

  Undo undo;
  undo.make_folders(folder);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    undo.write(folder / (std::string(io::kFashionMnistFiles[i].name) + ".gz"), bodies[i]);
  }
  undo.keep();
}

}  // namespace synfire
