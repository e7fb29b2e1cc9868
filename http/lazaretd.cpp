/// lazaretd: the composition root. Reads as a diagram of the service:
///
///   keeper ──> lazaret-jailer            (before threads and before root is given up)
///   config, log, metrics
///   store <── pipeline(download, execution, analysis, report) ──> jailer, registry, webhook
///   server ──> pipeline

#include <malloc.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "actors/pipeline.hpp"
#include "http/compose.hpp"
#include "http/config.hpp"
#include "http/log.hpp"
#include "http/privileges.hpp"
#include "http/server.hpp"

namespace {

using namespace lazaret;

int fail(const std::string& why) {
  std::cerr << "lazaretd: " << why << '\n';
  return 1;
}

/// SIGTERM and SIGINT are taken by one thread that waits for them; every other thread has them blocked.
sigset_t block_stop_signals() {
  sigset_t stops;
  ::sigemptyset(&stops);
  ::sigaddset(&stops, SIGTERM);
  ::sigaddset(&stops, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return stops;
}

/// What is large goes back to the kernel when it is freed: bodies, outputs and answers are megabytes. By itself glibc
/// raises this threshold to the largest that was freed so far, and then each thread's heap keeps such (mallopt(3)): 100
/// MiB resident after a mixed load that leaves 30 this way, at the same speed.
void give_memory_back() { ::mallopt(M_MMAP_THRESHOLD, 256 << 10); }

/// A PORT of its own is printed once it is served, so that scripts can wait for the line.
void announce(const http::config& settings, const http::server& server) {
  for (const auto port : server.ports()) {
    const bool v6 = settings.host.find(':') != std::string::npos;
    std::printf("listening on http://%s:%u\n", (v6 ? "[" + settings.host + "]" : settings.host).c_str(), port);
  }
  std::fflush(stdout);
}

int serve(const http::config& settings, http::groundwork ground, metrics::instruments& meters, const sigset_t& stops) {
  auto parts = http::compose(settings, std::move(ground), meters);
  if (!parts) return fail(parts.error().describe());
  auto server = http::server::open(settings, (*parts)->service(), meters);
  if (!server) return fail(server.error().describe());

  std::jthread stopper{[&, held = stops] {
    int which = 0;
    ::sigwait(&held, &which);
    spdlog::info("draining after signal {}", which);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{settings.drain_sec};
    (*parts)->drain(std::chrono::seconds{settings.drain_sec});
    // What is not answered by then is told so, for which a moment is enough.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    (*server)->drain(std::max<std::chrono::milliseconds>(left, std::chrono::seconds{1}));
  }};
  announce(settings, **server);
  (*server)->run();
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  give_memory_back();
  CLI::App app{"lazaretd: a quarantine station for untrusted code"};
  std::string config_file;
  app.add_option("--config", config_file, "TOML file with the settings below; the environment wins over it");
  std::string role, stages;
  app.add_option("--role", role, "all, front or worker; wins over ROLE");
  app.add_option("--stages", stages, "execution,analysis,...; wins over STAGES");
  app.set_version_flag("--version", LAZARET_VERSION);
  app.footer(http::settings_help());
  CLI11_PARSE(app, argc, argv);

  const auto said = [&](const char* name) -> const char* {
    const std::string_view wanted{name};
    if (wanted == "ROLE" && !role.empty()) return role.c_str();
    if (wanted == "STAGES" && !stages.empty()) return stages.c_str();
    return ::getenv(name);
  };
  const auto settings =
      http::load_config(config_file.empty() ? std::nullopt : std::optional<std::filesystem::path>{config_file}, said);
  if (!settings) return fail(settings.error().describe());
  const auto stops = block_stop_signals();

  // In this order: the keeper forks while there is one thread and while there is root; then root goes for good.
  if (auto made = http::make_data_folder(settings->data_dir, settings->run_as_user); !made) {
    return fail(made.error().describe());
  }
  // A BLOB_DIR elsewhere is made for the user as well; the one in DATA_DIR the user makes.
  if (settings->blob_dir != settings->data_dir / "blobs")
    if (auto made = http::make_data_folder(settings->blob_dir, settings->run_as_user); !made)
      return fail(made.error().describe());
  auto ground = http::lay_groundwork(*settings);
  if (!ground) return fail(ground.error().describe());
  metrics::instruments meters;  // opens what of /proc only the starting user may open
  if (auto became = http::become(settings->run_as_user, settings->data_dir); !became) {
    return fail(became.error().describe());
  }
  http::set_up_log(settings->log_level, settings->log_format);
  for (const auto& notice : settings->notices) spdlog::warn("{}", notice);
  return serve(*settings, std::move(*ground), meters, stops);
}
