#pragma once
/// One inmate of tests/inmates/attacks: what its header comment says, and the jail that it asks for. Plain data and
/// free functions; thread-safe.

#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/outcome.hpp"
#include "sandbox/policy.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lazaret::sandbox::testing {

/// A program that attacks, as its header comment describes it (`//` in C, `#` in Python and shell):
///
///     what: one sentence: what it tries, with its source;
///       goes on where indented further
///     expect: exited 0 | out_of_memory
///     stdout: text that it must print; may repeat
///     control: host | own file           (channels: where the bit does get through; else within one jail)
///     with: proc, memory=64M, pids=20, wall=3s, cpu=2s, output=64k, volume, tmp=16M, network=gateway, network=outbound
struct attack {
  std::filesystem::path source;
  std::string folder, name;  ///< `escapes`, `double_chroot`
  std::string what;
  std::vector<std::string> expect;  ///< one of these, as verdict() words it
  std::vector<std::string> printed;
  policy jail;
  bool wants_volume = false;  ///< at /volume, writable
  std::string control;        ///< see above; empty: within one jail
};

/// A folder of the host that jails see at /shared: `allow()` for the jailer, `show()` for the policy.
class shared_folder {
 public:
  shared_folder() { std::filesystem::permissions(folder_.path(), std::filesystem::perms{0755}); }
  [[nodiscard]] std::vector<std::string> allow() const { return {"--allow-bind", folder_.path()}; }
  void show(policy& to) const { to.binds.push_back({.source = folder_.path(), .target = "/shared"}); }
  [[nodiscard]] std::string path(const std::string& file) const { return folder_.path() / file; }

 private:
  lazaret::testing::temporary_folder folder_;
};

/// Reads a header. Throws std::runtime_error, naming file and line, when it is missing, incomplete or not understood:
/// an attack that is not run as it was meant proves nothing.
[[nodiscard]] attack read_attack(const std::filesystem::path& source);

/// All attacks of a folder by name. Files of other kinds than .c, .py and .sh (a shared header) are left out.
[[nodiscard]] std::vector<std::filesystem::path> attacks_in(const std::string& folder);

/// `exited 0`, `signalled 9`, `out_of_memory`, `syscall_denied bpf`.
[[nodiscard]] std::string verdict(const outcome& o);

/// `syscall_denied` stands for any call's name.
[[nodiscard]] bool meets(const attack& expected, const outcome& o);

}  // namespace lazaret::sandbox::testing
