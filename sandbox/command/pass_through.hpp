#pragma once
/// Carries the bytes of one stream between the caller's world and a jail: as they come, unchanged, without blocking on
/// a side that is slow. Driven by poll(2); single-threaded. The process ignores SIGPIPE.

#include <poll.h>

#include <cstdint>
#include <string>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox::command {

class pass_through {
 public:
  /// Bytes beyond `cap` are read and dropped. `to` empty: nobody is there to read; the first that comes is an error
  /// (EBADF), and whoever writes more is told so by SIGPIPE.
  /// Neither end is made non-blocking here: those flags are shared with whoever started us, a shell for one.
  pass_through(unique_fd from, unique_fd to, std::uint64_t cap = UINT64_MAX);

  /// What is being waited for, as two entries for poll.
  void wanted(pollfd* two) const;
  /// Looks at what poll said of them and moves one piece.
  void turn(const pollfd* two);

  /// False at the end: `from` has no more, or `to` takes no more. Both ends are closed by then.
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(from_); }
  [[nodiscard]] bool exceeded() const noexcept { return exceeded_; }     ///< there was more than the cap
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }  ///< all that came
  [[nodiscard]] int error() const noexcept { return error_; }            ///< what `to` refused with; not EPIPE

 private:
  void move();
  void splice_piece();
  void copy_piece();
  void drop_piece();
  void flush();
  void close();
  void give_up(int error);

  unique_fd from_, to_;
  std::uint64_t left_, total_ = 0;
  std::string held_;  ///< read and not yet written; only where splice(2) does not work
  int error_ = 0;
  bool readable_ = false, writable_ = false, exceeded_ = false, splices_ = true;
};

}  // namespace lazaret::sandbox::command
