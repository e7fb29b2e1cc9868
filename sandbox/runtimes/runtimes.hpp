#pragma once
/// The languages that people's programs may be written in, as data: a row each in runtimes.cpp, and nothing anywhere
/// else. What of it a host has is installed.hpp's.
///
/// In all texts `{dir}` stands for the folder of the prepared things (RUNTIMES_DIR), the same path on the host and
/// inside, and `{place}` for the program's working directory.

#include <initializer_list>
#include <span>
#include <string_view>

#include "sandbox/units.hpp"

namespace lazaret::sandbox {

/// A name by which programs are called inside, in the first directory of PATH.
struct runtime_command {
  const char *name, *path;
};

/// A directory that the tools want to write to, and that is quicker when it is not empty: the host's prepared one
/// read-only below a layer of the jail's own (policy::overlays); an empty one where nothing was prepared.
struct runtime_cache {
  const char* directory;    ///< same path on the host and inside
  bytes size;               ///< of the jail's own layer
  std::uint32_t own_depth;  ///< overlay_mount::own_depth
};

struct runtime {
  std::string_view name;  ///< in requests, metrics and paths; `[a-z]+`
  std::initializer_list<const char*> aliases;
  std::string_view title, description;
  std::string_view extension;    ///< with the dot
  std::string_view main_file;    ///< where the source goes, below the working directory
  std::string_view entry_point;  ///< shell text that does all, from the sources to the program's end
  /// Makes `{place}/.build/program` out of the sources: shell text; empty: there is nothing to compile.
  std::string_view compile;
  std::initializer_list<const char*> run;  ///< argv of the program, `args` of the request follow
  /// Host paths without which it can't be used; the first is asked for its version.
  std::initializer_list<const char*> needs;
  std::string_view version_argument;
  std::string_view install;  ///< a person's command that provides it
  std::initializer_list<runtime_command> commands;
  std::initializer_list<const char*> environment;
  std::initializer_list<const char*> binds;  ///< host paths below {dir}, read-only, same path inside
  std::initializer_list<runtime_cache> caches;
  std::string_view sdk;  ///< folder of sandbox/runtimes/sdk whose files lie beside the program
};

/// The first is the default. They live as long as the program.
[[nodiscard]] std::span<const runtime> runtimes();

/// By name or alias, also as `code-runner-NAME`. Null when there is none.
[[nodiscard]] const runtime* find_runtime(std::string_view name);

struct sdk_file {
  std::string_view group, path, text;
};
/// All of them; see runtime::sdk.
[[nodiscard]] std::span<const sdk_file> sdk_files();

}  // namespace lazaret::sandbox
