#pragma once
/// epoll(7) with one handler per descriptor. Single-threaded.

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class event_loop {
 public:
  using handler = std::function<void()>;

  [[nodiscard]] static result<event_loop> make();
  /// `handle` is called when `fd` is readable or its peer is gone. It may watch and forget any descriptor, its own too.
  [[nodiscard]] result<void> watch(int fd, handler handle);
  /// Call before closing the descriptor.
  void forget(int fd);
  /// Runs after the handlers of this turn: the place to destroy what they belong to.
  void later(handler task) { later_.push_back(std::move(task)); }
  /// Waits for events and handles them once.
  [[nodiscard]] result<void> turn() { return turn(-1); }
  /// Handles what there is now. fd() is readable when there is something.
  [[nodiscard]] result<void> poll() { return turn(0); }
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

 private:
  result<void> turn(int milliseconds);
  explicit event_loop(unique_fd epoll) : epoll_{std::move(epoll)} {}
  unique_fd epoll_;
  // An event that was fetched for a descriptor which an earlier handler of the same turn closed, and whose number was
  // used again, is known by its older serial.
  std::uint32_t serial_ = 0;
  struct entry {
    std::uint32_t serial;
    std::shared_ptr<handler> handle;
  };
  std::unordered_map<int, entry> watched_;
  std::vector<handler> later_;
};

}  // namespace lazaret::sandbox
