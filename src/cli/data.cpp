// synfire data list|fetch|check
#include <iostream>

#include <fmt/format.h>

#include <synfire/table.hpp>

#include "cli.hpp"

namespace synfire::cli {
namespace {

struct Place {
  std::optional<std::string> data;
};

void declare_place(CLI::App& command, Place& place) {
  command.add_option("--data", place.data, "Look into this folder alone");
}

void list(const Place& place) {
  Table table{{{"place", false}, {"folder", false}, {"", false}}, {}};
  for (const DataPlace& p : data_places(place.data))
    table.rows.push_back({p.source, p.folder.string(), p.present ? "there" : "-"});
  if (!place.data) table.rows.push_back({"embedded", "silhouettes", "there"});
  std::cout << table << "The first that is there is used.\n";
}

void check(const Place& place) {
  const Dataset data = load_dataset(place.data);
  fmt::print("{}\nSHA-256 {}\n", describe(data), data.fingerprint);
  if (!data.is_fashion_mnist)
    throw Error(data.origin + ": sound, but not the published Fashion-MNIST");
  fmt::print("These are the published files of Fashion-MNIST.\n");
}

struct Fetch {
  std::string url = kFashionMnistUrl;
};

void declare_fetch(CLI::App& command, Fetch& fetch) {
  command.add_option("--url", fetch.url, "Folder of a mirror")->capture_default_str();
}

void fetch(const Fetch& options) {
  fetch_fashion_mnist(options.url);
  fmt::print("{}\n", describe(load_dataset()));
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "Find, fetch and check the data set");
  data->require_subcommand(1);
  subcommand<Place>(*data, "list", "Where it is looked for", declare_place, list);
  subcommand<Fetch>(*data, "fetch", "Download Fashion-MNIST into the cache and check it",
                    declare_fetch, fetch);
  subcommand<Place>(*data, "check", "Read it all and compare its SHA-256 sums", declare_place,
                    check);
}

}  // namespace synfire::cli
