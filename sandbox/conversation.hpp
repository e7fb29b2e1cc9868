#pragma once
/// A talk with a running jail: one thread waits for it (jail::wait), others give it input, send it signals, resize its
/// terminal, and stop and go with its output. Thread-safe. Bounded as its users keep it: whoever gives input looks at
/// what still waits, signals beyond 64 are dropped.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class conversation {
 public:
  [[nodiscard]] static result<std::shared_ptr<conversation>> make();

  /// Standard input, in order. Nothing is taken after its end.
  void give(std::string_view bytes);
  /// A pipe is closed. To a terminal the character is written that means end of file at the moment (VEOF, termios(3)).
  void end_input();
  /// To the program itself, not to its children. `number`: 1 to 31.
  void signal(int number);
  /// The kernel tells the terminal's foreground processes (SIGWINCH). Nothing without a terminal.
  void resize(const window& size);
  /// While held, output stays in the pipe, which stops the program when it is full. The clocks go on. When the jail
  /// has ended what is left in the pipes is read all the same: 64 KiB each, at most.
  void hold_output(bool held);

  /// Bytes that the program's pipe or terminal has not taken yet.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  /// Called by the thread that waits whenever waiting() has become less. Set it before the jail starts.
  std::function<void()> when_taken;

  // What the thread that waits needs (speaker.hpp).
  struct orders {
    std::string input;
    bool ends_input = false;
    std::deque<int> signals;
    std::optional<window> size;
  };
  [[nodiscard]] orders take();
  void took(std::size_t bytes);  ///< of what take() gave as input
  [[nodiscard]] bool holds_output() const noexcept { return held_; }
  [[nodiscard]] int wake() const noexcept { return wake_.get(); }  ///< readable when take() has something

 private:
  explicit conversation(unique_fd wake) : wake_{std::move(wake)} {}
  void rouse() const;

  unique_fd wake_;  ///< eventfd
  std::mutex mutex_;
  orders said_;
  bool input_ended_ = false;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<bool> held_{false};
};

}  // namespace lazaret::sandbox
