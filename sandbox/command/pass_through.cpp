#include "sandbox/command/pass_through.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace lazaret::sandbox::command {
namespace {

constexpr std::size_t piece = 64 << 10;

}  // namespace

pass_through::pass_through(unique_fd from, unique_fd to, std::uint64_t cap)
    : from_{std::move(from)}, to_{std::move(to)}, left_{to_ ? cap : 0} {}

void pass_through::wanted(pollfd* two) const {
  two[0] = {readable_ ? -1 : from_.get(), POLLIN, 0};
  // Without POLLOUT too, poll tells that the other side is gone.
  two[1] = {to_.get(), static_cast<short>(readable_ && !writable_ ? POLLOUT : 0), 0};
}

void pass_through::turn(const pollfd* two) {
  if (!open()) return;
  if ((two[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return close();
  readable_ = readable_ || two[0].revents != 0;
  writable_ = writable_ || (two[1].revents & POLLOUT) != 0;
  if (readable_ && left_ == 0 && held_.empty()) return drop_piece();
  if (readable_ && writable_) move();
}

/// One piece, then poll again: on a terminal or a socket a second attempt would block.
void pass_through::move() {
  if (!held_.empty()) return flush();
  if (splices_) return splice_piece();
  copy_piece();
}

void pass_through::splice_piece() {
  const auto n = ::splice(from_.get(), nullptr, to_.get(), nullptr, std::min<std::uint64_t>(left_, piece),
                          SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {  // a terminal, a file opened with O_APPEND, ...
    splices_ = false;
    return copy_piece();  // now: while both sides are ready poll watches neither
  }
  readable_ = writable_ = false;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) return give_up(errno);
  if (n == 0) return close();
  total_ += static_cast<std::uint64_t>(n);
  left_ -= static_cast<std::uint64_t>(n);
}

void pass_through::copy_piece() {
  held_.resize(std::min<std::uint64_t>(left_, piece));
  const auto n = ::read(from_.get(), held_.data(), held_.size());
  const int error = errno;
  held_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (n < 0) readable_ = false;
  if (n < 0 && error != EAGAIN && error != EINTR)
    return close();  // a directory, a terminal that went away: nothing more comes
  if (n == 0) return close();
  if (n < 0) return;
  total_ += held_.size();
  left_ -= held_.size();
  flush();
}

void pass_through::flush() {
  const auto n = ::write(to_.get(), held_.data(), held_.size());
  writable_ = false;
  if (n < 0 && errno != EAGAIN && errno != EINTR) return give_up(errno);
  if (n > 0) held_.erase(0, static_cast<std::size_t>(n));
  readable_ = !held_.empty();  // what is held waits for the other side, not for more
}

void pass_through::drop_piece() {
  std::array<char, piece> nowhere;
  const auto n = ::read(from_.get(), nowhere.data(), nowhere.size());
  readable_ = false;
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return close();
  if (n <= 0) return;
  total_ += static_cast<std::uint64_t>(n);
  if (!to_) return give_up(EBADF);
  exceeded_ = true;
}

void pass_through::give_up(int error) {
  if (error != EPIPE && error != ECONNRESET) error_ = error;
  close();
}

void pass_through::close() {
  from_.reset();
  to_.reset();
  held_.clear();
}

}  // namespace lazaret::sandbox::command
