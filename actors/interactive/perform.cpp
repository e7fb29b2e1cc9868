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
  performance(const execution_request& what, sandbox::jailer& jails, artifact_cache& kept, metrics::instruments& meters,
              std::stop_token stop, const outbound_server& serve, const registry_server& registry)
      : what_{what},
        jails_{jails},
        kept_{kept},
        meters_{meters},
        stop_{std::move(stop)},
        serve_{serve},
        registry_{registry} {}

  performed all() {
    if (what_.rules.network == sandbox::network_mode::outbound && !serve_)
      return failure{"perform", EPERM, "network outbound", "ALLOW_OUTBOUND is false"};
    std::string program;
    if (what_.compile)
      if (auto wrong = compile(*what_.compile, program)) return std::move(*wrong);
    if (!what_.artifact.empty()) {
      auto found = kept_.find(what_.artifact, what_.runtime);
      answer_.no_such_artifact = !found;
      if (found) program = std::move(*found), answer_.artifact = what_.artifact;
    }
    if (answer_.misplaced || answer_.no_such_artifact || (answer_.compile && !answer_.compile->succeeded))
      return std::move(answer_);

    auto files = what_.files;
    if (!program.empty()) files.push_back({what_.program, std::move(program)});
    workplace at;
    if (auto wrong = prepare(at, what_.rules, what_.space, what_.inodes, files)) return std::move(*wrong);
    if (answer_.misplaced) return std::move(answer_);
    if (auto wrong = run(at, what_.standard_input, what_.live.get(), answer_)) return std::move(*wrong);
    if (auto wrong = fetch_files(at)) return std::move(*wrong);
    return std::move(answer_);
  }

 private:
  /// One stage's volume, and the policy that mounts it.
  struct workplace {
    sandbox::policy rules;
    std::optional<sandbox::volume> space;
    std::vector<sandbox::known_file> known;
  };

  std::optional<failure> prepare(workplace& at, const sandbox::policy& rules, sandbox::bytes size, std::uint64_t inodes,
                                 const std::vector<execution_file>& files) {
    at.rules = rules;
    if (what_.place.empty()) return std::nullopt;
    at.rules.volumes.push_back({.index = 0, .target = what_.place});
    auto made = jails_.make_volume({.size = size, .inodes = inodes}, &at.rules);
    if (!made) return made.error();
    at.space = std::move(*made);
    if (files.empty()) return std::nullopt;
    auto known = jails_.deposit(*at.space, files);
    if (known) {
      at.known = std::move(*known);
      return std::nullopt;
    }
    if (known.error().step != "deposit") return known.error();
    answer_.misplaced = misplaced_file{known.error().subject, known.error().error};
    return std::nullopt;
  }

  /// A compiler that fails is an answer; `program` is then empty.
  std::optional<failure> compile(const compile_stage& stage, std::string& program) {
    auto& done = answer_.compile.emplace();
    const auto name = stage.keep ? artifact_name(what_.runtime, stage) : std::string{};
    if (stage.keep) {
      if (auto found = kept_.find(name, what_.runtime)) {
        program = std::move(*found);
        done.succeeded = done.kept_before = true;
        answer_.artifact = name;
        return std::nullopt;
      }
    }
    workplace at;
    if (auto wrong = prepare(at, stage.rules, stage.space, stage.inodes, stage.files)) return wrong;
    if (answer_.misplaced) return std::nullopt;
    if (auto wrong = run(at, {}, nullptr, done.result)) return wrong;
    const auto& how = done.result.how;
    if (done.result.not_started != 0 || how.reason != sandbox::ending::exited || how.code != 0) return std::nullopt;
    sandbox::gather_options only;
    only.select = {what_.program};
    only.hidden = true;
    only.follow_links = false;
    only.most_files = 1;
    only.most_bytes = only.file_size = stage.space;
    auto left = jails_.gather(*at.space, only);
    if (!left) return left.error();
    if (left->files.empty() || left->files.front().content.empty()) return std::nullopt;
    program = std::move(left->files.front().content);
    done.succeeded = true;
    if (stage.keep && kept_.keep(name, what_.runtime, program)) answer_.artifact = name;
    return std::nullopt;
  }

  std::optional<failure> fetch_files(workplace& at) {
    if (!at.space || !what_.wanted || answer_.not_started != 0 || stop_.stop_requested()) return std::nullopt;
    auto options = *what_.wanted;
    options.place = what_.place;
    options.known = std::move(at.known);
    auto found = jails_.gather(*at.space, options);
    if (!found) return found.error();
    answer_.left = std::move(*found);
    return std::nullopt;
  }

  /// `live`: whoever talks with the program meanwhile; null: nobody.
  std::optional<failure> run(const workplace& at, std::string_view standard_input, const live_talk* live,
                             program_result& into) {
    sandbox::unique_fd input, talked_into;
    std::optional<feeder> feeding;  // ends after the jail, whose end is what ends it
    if (live != nullptr ? at.rules.terminal.rows == 0 : !standard_input.empty()) {
      std::array<int, 2> ends{};
      if (::pipe2(ends.data(), O_CLOEXEC) != 0) return sandbox::os_failure("perform", "pipe2");
      input.reset(ends[0]);
      sandbox::unique_fd other{ends[1]};
      if (live == nullptr)
        feeding.emplace(std::move(other), standard_input);
      else if (::fcntl(other.get(), F_SETFL, O_NONBLOCK) == 0)
        talked_into = std::move(other);
    }
    const sandbox::volume* volumes[] = {at.space ? &*at.space : nullptr};
    const auto asked = std::chrono::steady_clock::now();
    auto inmate = jails_.start(at.rules, {volumes, at.space ? 1U : 0U}, std::move(input));
    if (!inmate && inmate.error().step == "program" && inmate.error().error != 0) {
      into.not_started = inmate.error().error;
      return std::nullopt;
    }
    if (!inmate) return inmate.error();
    meters_.jail_started(inmate->was_prepared(), std::chrono::steady_clock::now() - asked);
    std::shared_ptr<void> relayed;  // what the program connected to before now waits in the kernel's queue
    if (at.rules.network == sandbox::network_mode::outbound)
      relayed = serve_(inmate->take_outbound(), what_.only_hosts);
    sandbox::jail_sinks sinks;
    std::shared_ptr<void> gateway;
    if (at.rules.network == sandbox::network_mode::gateway && registry_) gateway = registry_(inmate->take_gateway());
    sinks.on_stdout = [&into](std::string_view some) { into.out += some; };
    sinks.on_stderr = [&into](std::string_view some) { into.err += some; };
    if (what_.on_stdout) sinks.on_stdout = what_.on_stdout;
    if (what_.on_stderr) sinks.on_stderr = what_.on_stderr;
    if (live != nullptr) {
      sinks.on_stdout = [live](std::string_view some) { live->output(false, some); };
      sinks.on_stderr = [live](std::string_view some) { live->output(true, some); };
      live->started();
    }
    auto ended = inmate->wait(sinks, stop_, live != nullptr ? live->with.get() : nullptr, std::move(talked_into));
    if (!ended) return ended.error();
    into.how = *ended;
    into.out_bytes = inmate->totals().stdout_bytes;
    into.err_bytes = inmate->totals().stderr_bytes;
    into.truncated = inmate->totals().truncated;
    meters_.jail_ended(what_.runtime, sandbox::name(ended->reason));
    return std::nullopt;
  }

  const execution_request& what_;
  sandbox::jailer& jails_;
  artifact_cache& kept_;
  metrics::instruments& meters_;
  std::stop_token stop_;
  const outbound_server& serve_;
  const registry_server& registry_;
  execution_answer answer_;
};

}  // namespace

performed perform(const execution_request& what, sandbox::jailer& jails, artifact_cache& kept,
                  metrics::instruments& meters, std::stop_token stop, const outbound_server& serve,
                  const registry_server& registry) {
  return performance{what, jails, kept, meters, std::move(stop), serve, registry}.all();
}

}  // namespace lazaret::actors
