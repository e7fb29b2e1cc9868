#pragma once
/// A shell: a jail that was made before anybody said what for. Its namespaces, group, user and root are there, and in
/// the root what every jail has; its init waits, with nothing of anybody's, until it is told a policy. What that adds
/// is done then, by the steps that any jail takes (confine() in jail.cpp), and no step is left out. Each is used once.
///
/// It saves half of the time that a jail takes which nobody expected. Not every policy can be met by one: see fits().

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/private_inodes.hpp"
#include "sandbox/unique_fd.hpp"
#include "sandbox/validate.hpp"

namespace lazaret::sandbox {

/// What all jails have in common: base_policy(), without a program.
[[nodiscard]] policy policy_of_shells();

/// Can a shell that was made for `common` become a jail for `asked`? Not when that has less than what is there already,
/// or other than its own files there; nor with a terminal, a network, or anything that is owned by another uid than the
/// shell's.
[[nodiscard]] bool fits(const policy& common, const policy& asked);

/// Will a shell find the host paths that `asked` adds? It follows no link of the host. Looks them up, as the jailer.
[[nodiscard]] bool finds_all_alone(const policy& common, const policy& asked);

/// The jail's part of it. In this order, in init.
class shell {
 public:
  explicit shell(private_view& view) : view_{view} {}

  /// While the host is in sight: what a policy may ask for that can't be had later.
  [[nodiscard]] result<void> provide();
  /// In the new root, which is still to be written to: where the host's shared trees stay in sight, read-only and with
  /// inodes of this jail's own, and nothing else of it.
  [[nodiscard]] result<void> keep_in_sight();
  /// Adds to the root what `asked` has and `common` has not, and loses sight of the trees.
  [[nodiscard]] result<void> furnish(const policy& common, const policy& asked, const bind_rules& rules);

 private:
  private_view& view_;
  unique_fd proc_;
};

}  // namespace lazaret::sandbox
