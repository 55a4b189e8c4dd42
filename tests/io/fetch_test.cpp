#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// A web server of one thread on the loopback interface. reply(path) is all that a request gets,
/// status line and headers included.
class Server {
 public:
  using Reply = std::function<std::string(const std::string& path)>;

  explicit Server(Reply reply)
      : reply_(std::move(reply)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, any, &size) != 0) {
      throw std::runtime_error("no loopback socket");
    }
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& url() const { return url_; }

 private:
  void serve() {
    for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(client)) {
      std::string request;
      std::array<char, 4096> some;
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(client, some.data(), some.size(), 0);
        if (got <= 0) break;
        request.append(some.data(), static_cast<std::size_t>(got));
      }
      const std::size_t begin = request.find(' ') + 1;
      const std::string reply = reply_(request.substr(begin, request.find(' ', begin) - begin));
      for (std::size_t sent = 0; sent < reply.size();) {
        const ssize_t n = ::send(client, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<std::size_t>(n);
      }
    }
  }

  Reply reply_;
  int listener_;
  std::string url_;
  std::thread thread_;
};

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// A cache folder that is not there yet, and no proxy between this process and its own server.
struct Cache {
  TemporaryFolder folder;
  fs::path path = folder / "new/cache";
  Environment cache{"XDG_CACHE_HOME", path.string()};
  Environment proxy{"no_proxy", "*"};
};

/// The sentence in which fetching from there ends. It must leave nothing behind.
std::string fault_fetching(const std::string& url) {
  const Cache cache;
  try {
    fetch_fashion_mnist(url);
  } catch (const Error& error) {
    CHECK(cache.folder.entries() == 0);
    CHECK(one_sentence(error.what()));
    return error.what();
  }
  return "";
}

std::string fault_serving(const std::string& reply) {
  const Server server([&](const std::string&) { return reply; });
  const std::string sentence = fault_fetching(server.url());
  const std::string first = server.url() + "/train-images-idx3-ubyte.gz: ";
  REQUIRE(sentence.starts_with(first));
  return sentence.substr(first.size());
}

std::string file_url(const fs::path& folder) {
  return "file://" + folder.string();
}

}  // namespace

TEST_CASE("fetch: an address that is none, or of another kind") {
  CHECK_THAT(fault_fetching("example.org"), Contains("'example.org' is not an address"));
  CHECK_THAT(fault_fetching(""), Contains("is not an address"));
  CHECK_THAT(fault_fetching("\x1b[31m"), Contains("'\\x1b[31m' is not an address"));
  CHECK_THAT(fault_fetching("ftp://127.0.0.1/"), Contains("cannot be downloaded ("));
  CHECK_THAT(fault_fetching("://"), Contains("cannot be downloaded ("));
}

TEST_CASE("fetch: nobody answers") {
  std::string url;
  {
    const Server gone([](const std::string&) { return std::string(); });
    url = gone.url();
  }
  CHECK_THAT(fault_fetching(url), Contains("/train-images-idx3-ubyte.gz: cannot be downloaded ("));
  CHECK_THAT(fault_serving(""), Contains("cannot be downloaded ("));
}

TEST_CASE("fetch: an answer that is not the file") {
  CHECK_THAT(fault_serving("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
             Contains("cannot be downloaded (") && Contains("404"));
  CHECK_THAT(fault_serving(ok("<html>Welcome</html>")), Contains("has magic number 0x3c68746d"));
  CHECK_THAT(fault_serving(ok("")), Contains("is empty where an IDX file is expected"));
  CHECK_THAT(fault_serving(ok(gzip(idx_images(1, 1, 1, "a")))),
             Contains("unpacks to SHA-256 ") && Contains("where Fashion-MNIST has c59f468a"));
  const std::string packed = gzip(idx_images(1, 1, 1, "a"));
  CHECK_THAT(fault_serving(ok(packed.substr(0, packed.size() - 1))), Contains("truncated"));
}

TEST_CASE("fetch: a connection that breaks off") {
  const std::string whole = ok(gzip(idx_images(1, 1, 1, "a")));
  CHECK_THAT(fault_serving(whole.substr(0, whole.size() - 5)), Contains("cannot be downloaded ("));
}

TEST_CASE("fetch: more bytes than the files have") {
  CHECK_THAT(fault_serving(ok(std::string((64 << 20) + 1, 'x'))), Contains("more than 64 MB"));
}

TEST_CASE("fetch: redirections lead to web addresses alone, and come to an end") {
  const TemporaryFolder folder;
  put(folder / "secret", "secret");
  const auto redirect = [](const std::string& url) {
    return "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " + url +
           "\r\n\r\n";
  };
  CHECK_THAT(fault_serving(redirect(file_url(folder / "secret"))),
             Contains("cannot be downloaded ("));
  CHECK_THAT(fault_serving(redirect("/again")),
             Contains("cannot be downloaded (") && Contains("redirects"));
}

TEST_CASE("fetch: a mirror that is a folder") {
  const TemporaryFolder folder;
  CHECK_THAT(fault_fetching(file_url(folder / "missing")), Contains("cannot be downloaded ("));
  put_small_dataset(folder / "mirror");
  for (const char* name : kDataFiles)
    put(folder / "mirror" / (std::string(name) + ".gz"), bytes_of(folder / "mirror" / name));
  CHECK_THAT(fault_fetching(file_url(folder / "mirror")), Contains("unpacks to SHA-256 "));
}

TEST_CASE("fetch: no folder to fetch into") {
  const Environment cache("XDG_CACHE_HOME", std::nullopt), home("HOME", std::nullopt);
  CHECK_THROWS_WITH(fetch_fashion_mnist(kFashionMnistUrl),
                    Contains("neither XDG_CACHE_HOME nor HOME is set"));
}

TEST_CASE("fetch: the published files come into the cache, and are found there") {
  const auto mirror = installed_fashion_mnist();
  if (!mirror) return;
  const Cache cache;
  const fs::path folder = cache.path / "synfire";
  const auto all_there = [&] {
    for (const char* name : kDataFiles) {
      const std::string packed = std::string(name) + ".gz";
      if (bytes_of(folder / packed) != bytes_of(*mirror / packed)) return false;
    }
    return std::distance(fs::directory_iterator(folder), {}) == 4;
  };
  fetch_fashion_mnist(file_url(*mirror) + "/");
  CHECK(all_there());
  const Environment data("SYNFIRE_DATA", std::nullopt);
  CHECK(data_places()[0].source == "cache");
  CHECK(data_places()[0].present);

  // Again, over a damaged file, and through the web, which the mirror's folder is hidden behind.
  put(folder / (std::string(kDataFiles[0]) + ".gz"), "damaged");
  const Server server([&](const std::string& path) {
    return ok(bytes_of(*mirror / path.substr(path.find_last_of('/') + 1)));
  });
  fetch_fashion_mnist(server.url() + "/mirror");
  CHECK(all_there());
}

TEST_CASE("fetch: a cache that cannot be written is left as it was") {
  const auto mirror = installed_fashion_mnist();
  if (!mirror) return;
  const TemporaryFolder folder;
  put(folder / "file", "old");
  for (const fs::path& cache : {folder / "file", folder / "new" / std::string(300, 'x')}) {
    const Environment set("XDG_CACHE_HOME", cache.string());
    CHECK_THROWS_WITH(fetch_fashion_mnist(file_url(*mirror)),
                      Contains("cannot be made a folder ("));
    CHECK(bytes_of(folder / "file") == "old");
    CHECK(folder.entries() == 1);
  }

  // The third file's place is taken: the first two go again.
  const fs::path taken = folder / "cache/synfire" / (std::string(kDataFiles[2]) + ".gz");
  fs::create_directories(taken);
  const Environment set("XDG_CACHE_HOME", (folder / "cache").string());
  CHECK_THROWS_AS(fetch_fashion_mnist(file_url(*mirror)), FileError);
  CHECK(std::distance(fs::directory_iterator(taken.parent_path()), {}) == 1);
}

TEST_CASE("fetch: a link that leads nowhere is no obstacle") {
  const auto mirror = installed_fashion_mnist();
  if (!mirror) return;
  const Cache cache;
  const std::string name = std::string(kDataFiles[0]) + ".gz";
  fs::create_directories(cache.path / "synfire");
  fs::create_symlink(name, cache.path / "synfire" / name);  // to itself
  CHECK_NOTHROW(fetch_fashion_mnist(file_url(*mirror)));
  CHECK(bytes_of(cache.path / "synfire" / name) == bytes_of(*mirror / name));
}
