#pragma once
/// A process of the jailer's that handles one volume's files, as the volume's owner and with no other power. The
/// service can't: it runs as another user, and a program may leave its files 0600. The jailer won't: the tree is
/// hostile, and it has jails to look after.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

struct steward_duty {
  std::uint32_t uid = 0;
  bool changes_uid = true;  ///< false: an unprivileged jailer, which owns its volumes itself
  int root = -1;            ///< the volume's directory
  int channel = -1;         ///< where the answer goes
  int body = -1;            ///< sealed; what is asked for
  /// In the child, with the three above as its only descriptors (stderr beside). Answers on the channel by itself.
  void (*work)(int root, int channel, int body) = nullptr;
};

/// Forks. Returns the child's pidfd, for the caller to reap by; the child ends within 30 s.
[[nodiscard]] result<unique_fd> start_steward(const steward_duty& duty);

/// What do_deposit does, done by the caller: a fork costs more than a small file does. Nothing when that would keep the
/// jailer from its jails: too much, or too deep a tree. The volume must be one that no program has seen yet, so that
/// nothing hostile is in it.
[[nodiscard]] std::optional<result<void>> deposit_at_once(const steward_duty& duty);

/// What the work may be: decodes the body, does what it says, answers (protocol.hpp: deposit, gather, hand_out).
void do_deposit(int root, int channel, int body);
void do_gather(int root, int channel, int body);
void do_hand_out(int root, int channel, int body);

}  // namespace lazaret::sandbox
