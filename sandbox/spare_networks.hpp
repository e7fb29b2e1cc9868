#pragma once
/// Empty network namespaces, made before a jail needs one: that is the longest part of cloning a jail (0.35 ms of
/// 0.55).
///
/// Each is as clone(2) would make it, loopback down, was nobody's before, and goes to one jail. It belongs to the
/// jailer's user namespace and not to the jail's, so even a jail's init, while it still has capabilities, can't
/// configure it: only for jails without a network. One nobody takes is destroyed with this object.
///
/// A process of its own makes them; for a jailer that makes one jail only, that jail's guardian does.

#include "sandbox/companion.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/guardian.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class spare_networks {
 public:
  /// Keeps `count` of them. Call in the user namespace that the jailer stays in. None is ever ready when that is not
  /// the one that the jailer's own network belongs to, to which then nobody could return (setns(2)).
  [[nodiscard]] static result<spare_networks> make(unsigned count);
  /// The one that `maker` makes, which must outlive this.
  explicit spare_networks(guardian& maker) : by_guardian_{&maker} {}
  spare_networks(spare_networks&&) noexcept = default;
  ~spare_networks();

  /// Has the calling thread enter a fresh one for as long as this lives; what it clones is born there. Nothing changes
  /// when none is ready, or none can be had at all.
  class visit {
   public:
    explicit visit(spare_networks& from) noexcept;
    visit(const visit&) = delete;
    /// Returns. Should that fail, nothing of this process would be where it belongs: ends it.
    ~visit();
    [[nodiscard]] bool entered() const noexcept { return home_ >= 0; }

   private:
    int home_ = -1;
  };

 private:
  spare_networks() = default;
  spare_networks(unique_fd home, unique_fd orders, unique_fd ready, companion maker)
      : maker_{std::move(maker)}, home_{std::move(home)}, orders_{std::move(orders)}, ready_{std::move(ready)} {}
  companion maker_;  ///< ends when there are no more orders
  guardian* by_guardian_ = nullptr;
  unique_fd home_, orders_, ready_;
};

}  // namespace lazaret::sandbox
