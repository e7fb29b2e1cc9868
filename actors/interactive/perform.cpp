#include "actors/interactive/perform.hpp"

#include <optional>

#include "sandbox/wire.hpp"

namespace lazaret::actors {
namespace {

using sandbox::failure;

/// What is kept between the steps of one execution.
class performance {
 public:
  performance(const execution_request& what, sandbox::jailer& jails, metrics::instruments& meters, std::stop_token stop)
      : what_{what}, jails_{jails}, meters_{meters}, stop_{std::move(stop)} {}

  performed all() {
    sandbox::policy rules = what_.rules;
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
    answer_.gathering = found->how;
    answer_.files = std::move(found->files);
    return std::nullopt;
  }

  std::optional<failure> run(const sandbox::policy& rules) {
    sandbox::unique_fd input;
    if (!what_.standard_input.empty()) {
      auto sealed = sandbox::wire::seal(what_.standard_input);
      if (!sealed) return sealed.error();
      input = std::move(*sealed);
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
    sandbox::jail_sinks sinks;
    sinks.on_stdout = [this](std::string_view some) { answer_.out += some; };
    sinks.on_stderr = [this](std::string_view some) { answer_.err += some; };
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
  std::optional<sandbox::volume> space_;
  std::vector<sandbox::known_file> known_;
  execution_answer answer_;
};

}  // namespace

performed perform(const execution_request& what, sandbox::jailer& jails, metrics::instruments& meters,
                  std::stop_token stop) {
  return performance{what, jails, meters, std::move(stop)}.all();
}

}  // namespace lazaret::actors
