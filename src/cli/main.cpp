// synfire: declare networks in C++, train them, run them by their spikes.
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include <fmt/format.h>

#include "cli.hpp"

namespace {

constexpr int kFailed = 1, kUsage = 2;

}  // namespace

int main(int argc, char** argv) {
  using namespace synfire;
  cli::wait_for_signals();
  cli::keep_command_line(argc, argv);
  CLI::App app{"Event-driven simulation and training of spiking networks.", "synfire"};
  app.set_version_flag("--version", "synfire " SYNFIRE_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed (one sentence says why), 2 wrong usage.");
  cli::add_tutorial(app);
  cli::add_train(app);
  cli::add_prune(app);
  cli::add_evaluate(app);
  cli::add_profile(app);
  cli::add_compare(app);
  cli::add_run(app);
  cli::add_energy(app);
  cli::add_bench(app);
  cli::add_calibrate(app);
  cli::add_info(app);
  cli::add_nets(app);
  cli::add_data(app);
  try {
    app.parse(argc, argv);
    if (std::fflush(stdout) == 0 && std::cout.flush()) return 0;
    fmt::print(stderr, "synfire: the output cannot be written\n");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "synfire: there is not enough memory for this\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "synfire: {}\n", error.what());
  }
  return kFailed;
}
