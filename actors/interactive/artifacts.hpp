#pragma once
/// Compiled programs that clients want to run again. On disk, bounded, the longest unused go first. Named by what they
/// are made of, so that nobody can put one in another's place: whoever makes the same sources into a program with the
/// same compiler gets the same name, and nobody else does.
///
/// Thread-safe; several processes may share the folder. What is there was written by programs in jails: it is only ever
/// handed to jails.

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "actors/interactive/execution.hpp"

namespace lazaret::actors {

/// `sha256:` and the digest of runtime, version, compile command, its environment and the sources, in hex.
[[nodiscard]] std::string artifact_name(std::string_view runtime, const compile_stage& made_by);

class artifact_cache {
 public:
  /// `folder` is made when the first is kept. `most`: bytes of all together; 0 keeps none.
  artifact_cache(std::filesystem::path folder, std::uint64_t most);

  /// The program, if it is there, of that runtime, and what was kept; its turn to go is the last again.
  [[nodiscard]] std::optional<std::string> find(std::string_view name, std::string_view runtime);
  /// False when it is too large, or the disk refused.
  bool keep(std::string_view name, std::string_view runtime, std::string_view program);

 private:
  void make_room();

  std::filesystem::path folder_;
  std::uint64_t most_;
  std::mutex mutex_;
};

}  // namespace lazaret::actors
