#pragma once
/// A whole execution stage with real parts: a real jailer, real jails, a real pip, and the index that deploy/mirror.sh
/// makes, served on the listener inside the jail by Python's own file server.

#include <functional>
#include <string>

#include "actors/execution/execute.hpp"
#include "tests/execution/process.hpp"
#include "tests/sandbox/started_jailer.hpp"

namespace lazaret::actors::testing {

class triage {
 public:
  triage();
  /// Change before run(); the defaults are the settings' own.
  execution_options options;
  execution_hooks hooks;

  [[nodiscard]] execution_result run(actors::run what, std::stop_token stop = {});
  [[nodiscard]] execution_result run(const std::string& name, const std::string& version, mode m = mode::install);
  /// Any number of these at once, each with a folder of its own.
  [[nodiscard]] execution_result run(actors::run what, const std::filesystem::path& into, std::stop_token stop = {});
  /// A file of the last run, as text.
  [[nodiscard]] std::string text(const std::string& file) const { return slurp(space_.path() / "run" / file); }
  [[nodiscard]] std::filesystem::path folder() const { return space_.path() / "run"; }
  sandbox::testing::started_jailer& jailer() { return jailer_; }

 private:
  scratch space_;
  sandbox::testing::started_jailer jailer_;
};

/// Made once per test process.
[[nodiscard]] const std::filesystem::path& mirror();

[[nodiscard]] run asking(const std::string& name, const std::string& version, mode m = mode::install);

}  // namespace lazaret::actors::testing
