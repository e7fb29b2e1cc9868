#include "actors/interactive/perform.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

namespace lazaret::actors {
namespace {

using sandbox::failure;

/// Writes a program's standard input for as long as somebody may read it. A pipe, as programs expect, so it may fill
/// up.
class feeder {
 public:
  /// `text` must outlive it.
  feeder(sandbox::unique_fd to, std::string_view text) : to_{std::move(to)}, thread_{[this, text] { feed(text); }} {}

 private:
  void feed(std::string_view text) {
    // A program that closes its standard input is no reason for a signal.
    sigset_t broken;
    ::sigemptyset(&broken);
    ::sigaddset(&broken, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken, nullptr);
    while (!text.empty()) {
      const auto n = ::write(to_.get(), text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) break;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    to_.reset();
  }

  sandbox::unique_fd to_;
  std::jthread thread_;
};

/// What is kept between the steps of one execution.
class performance {
 public:
  performance(const execution_request& what, sandbox::jailer& jails, metrics::instruments& meters, std::stop_token stop,
              const outbound_server& serve, const registry_server& registry)
      : what_{what}, jails_{jails}, meters_{meters}, stop_{std::move(stop)}, serve_{serve}, registry_{registry} {}

  performed all() {
    sandbox::policy rules = what_.rules;
    if (rules.network == sandbox::network_mode::outbound && !serve_)
      return failure{"perform", EPERM, "network outbound", "ALLOW_OUTBOUND is false"};
    if (!what_.place.empty()) {
      auto made = jails_.make_volume({.size = what_.space, .inodes = what_.inodes});
      if (!made) return made.error();
      space_ = std::move(*made);
      rules.volumes.push_back({.index = 0, .target = what_.place});
    }
    if (auto wrong = put_files()) return std::move(*wrong);
    if (answer_.misplaced) return std::move(answer_);
    if (auto wrong = run(rules)) return std::move(*wrong);
    if (auto wrong = fetch_files()) return std::move(*wrong);
    return std::move(answer_);
  }

 private:
  std::optional<failure> put_files() {
    if (!space_ || what_.files.empty()) return std::nullopt;
    auto known = jails_.deposit(*space_, what_.files);
    if (known) {
      known_ = std::move(*known);
      return std::nullopt;
    }
    if (known.error().step != "deposit") return known.error();
    answer_.misplaced = misplaced_file{known.error().subject, known.error().error};
    return std::nullopt;
  }

  std::optional<failure> fetch_files() {
    if (!space_ || !what_.wanted || answer_.not_started != 0 || stop_.stop_requested()) return std::nullopt;
    auto options = *what_.wanted;
    options.place = what_.place;
    options.known = std::move(known_);
    auto found = jails_.gather(*space_, options);
    if (!found) return found.error();
    answer_.left = std::move(*found);
    return std::nullopt;
  }

  std::optional<failure> run(const sandbox::policy& rules) {
    sandbox::unique_fd input;
    std::optional<feeder> feeding;  // ends after the jail, whose end is what ends it
    if (!what_.standard_input.empty()) {
      std::array<int, 2> ends{};
      if (::pipe2(ends.data(), O_CLOEXEC) != 0) return sandbox::os_failure("perform", "pipe2");
      input.reset(ends[0]);
      feeding.emplace(sandbox::unique_fd{ends[1]}, what_.standard_input);
    }
    const sandbox::volume* volumes[] = {space_ ? &*space_ : nullptr};
    const auto asked = std::chrono::steady_clock::now();
    auto inmate = jails_.start(rules, {volumes, space_ ? 1U : 0U}, std::move(input));
    if (!inmate && inmate.error().step == "program" && inmate.error().error != 0) {
      answer_.not_started = inmate.error().error;
      return std::nullopt;
    }
    if (!inmate) return inmate.error();
    meters_.jail_started("cold", std::chrono::steady_clock::now() - asked);
    std::shared_ptr<void> relayed;  // what the program connected to before now waits in the kernel's queue
    if (rules.network == sandbox::network_mode::outbound) relayed = serve_(inmate->take_outbound(), what_.only_hosts);
    sandbox::jail_sinks sinks;
    sinks.on_stdout = [this](std::string_view some) { answer_.out += some; };
    sinks.on_stderr = [this](std::string_view some) { answer_.err += some; };
    if (what_.on_stdout) sinks.on_stdout = what_.on_stdout;
    if (what_.on_stderr) sinks.on_stderr = what_.on_stderr;
    std::shared_ptr<void> gateway;
    if (rules.network == sandbox::network_mode::gateway && registry_) gateway = registry_(inmate->take_gateway());
    auto ended = inmate->wait(sinks, stop_);
    if (!ended) return ended.error();
    answer_.how = *ended;
    answer_.out_bytes = inmate->totals().stdout_bytes;
    answer_.err_bytes = inmate->totals().stderr_bytes;
    answer_.truncated = inmate->totals().truncated;
    meters_.jail_ended(what_.runtime, sandbox::name(ended->reason));
    return std::nullopt;
  }

  const execution_request& what_;
  sandbox::jailer& jails_;
  metrics::instruments& meters_;
  std::stop_token stop_;
  const outbound_server& serve_;
  const registry_server& registry_;
  std::optional<sandbox::volume> space_;
  std::vector<sandbox::known_file> known_;
  execution_answer answer_;
};

}  // namespace

performed perform(const execution_request& what, sandbox::jailer& jails, metrics::instruments& meters,
                  std::stop_token stop, const outbound_server& serve, const registry_server& registry) {
  return performance{what, jails, meters, std::move(stop), serve, registry}.all();
}

}  // namespace lazaret::actors
