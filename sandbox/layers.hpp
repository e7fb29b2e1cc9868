#pragma once
/// The layers of a jail, as data: what each is for, whether this kernel can have it, whether a jail may do without.
/// The table is the one source of names: of JAIL_REQUIRE, of `lazaret jail --self-test`, of GET /health.
///
/// A layer is *required* when it is one that no jail may do without, when JAIL_REQUIRE names it, or, without
/// JAIL_REQUIRE, when this kernel can have it. A required layer that can't be had: every jail is refused. One that is
/// neither required nor available is left out, and reported. One that is available is applied, and fails closed.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

struct host_facts;  // host_facts.hpp

struct layer {
  std::string_view name;     ///< the field's own word; lower case, `[a-z_]+`
  std::string_view purpose;  ///< what it is for, one line for people
  bool optional;             ///< a jail may do without it where the kernel has none and nobody requires it
  /// Asks the kernel whether it can have it: what it has, or why not. Makes no jail.
  result<std::string> (*ask)(const host_facts& host);
};

/// A directory that every jail may see, on which the jailer holds a lock while layer `inodes` is tried.
inline constexpr const char* shared_directory = "/usr";

/// In the order in which a jail takes them on.
[[nodiscard]] std::span<const layer> layers() noexcept;

enum class layer_state : std::uint8_t {
  active,       ///< what it must stop was tried in a real jail, and was stopped
  unavailable,  ///< this host can't have it: `detail` says why
  broken,       ///< it should hold and does not, or could not be tried: `detail` says what was seen
};
[[nodiscard]] std::string_view name(layer_state s) noexcept;

/// What is known of one layer on this host.
struct layer_report {
  std::string name;  ///< as in layers()
  layer_state state = layer_state::broken;
  bool required = false;
  std::string detail;  ///< one line: what was seen, or the reason; may quote the kernel, never a client
};

/// Does a required layer not hold? Then nothing may be trusted to this host's jails.
[[nodiscard]] bool is_degraded(std::span<const layer_report> reports) noexcept;

/// Names as JAIL_REQUIRE has them (`a,b,c`, blanks allowed). Fails with the first that no layer has, and all there are.
[[nodiscard]] result<std::vector<std::string>> parse_layer_names(std::string_view list);

}  // namespace lazaret::sandbox
