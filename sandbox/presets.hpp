#pragma once
/// Ready-made policies, as data: one for each kind of work that jails are made for. What a number comes from stands
/// beside it in presets.cpp; what loosening a field would mean is policy_fields.hpp.

#include <initializer_list>
#include <span>
#include <string_view>

#include "sandbox/policy.hpp"

namespace lazaret::sandbox {

/// A directory of the jail's own, a tmpfs.
struct place {
  const char* target;
  bytes size;
  std::uint64_t inodes = 65536;
  bool writable = true;
  bool executable = false;
  /// The service puts files there before, or reads what is there after, or shares it between the phases of one run: it
  /// mounts a volume (jailer::make_volume) instead. `lazaret jail` has an empty tmpfs there.
  bool outlives = false;
};

struct preset {
  std::string_view name;
  std::string_view purpose;  ///< half a sentence
  sandbox::limits limits;
  const char* working_directory;
  const char* hostname;
  std::initializer_list<place> places;
  std::initializer_list<const char*> environment;  ///< all of it
  network_mode network = network_mode::none;
  bool mount_proc = false, audit_channel = false, observe = false;
};

/// `default` first. They live as long as the program.
[[nodiscard]] std::span<const preset> presets();
/// Null when there is none of that name.
[[nodiscard]] const preset* find_preset(std::string_view name);

/// base_policy() with all that the preset says, and no argv. Without the places that outlive a jail when `volumes` says
/// that the caller mounts those itself.
[[nodiscard]] policy make_policy(const preset& from, bool volumes = false);

}  // namespace lazaret::sandbox
