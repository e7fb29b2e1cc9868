#pragma once
/// Passes on what a conversation says, from the thread that waits for the jail. Private to jail_wait.cpp.

#include <poll.h>

#include "sandbox/conversation.hpp"

namespace lazaret::sandbox {

class speaker {
 public:
  /// `input`: non-blocking, the program's pipe, or the master of its terminal. `channel`: see protocol.hpp.
  speaker(conversation* talk, unique_fd input, int channel, bool is_terminal)
      : talk_{talk}, input_{std::move(input)}, channel_{channel}, is_terminal_{is_terminal} {}

  [[nodiscard]] pollfd wake() const { return {talk_ != nullptr ? talk_->wake() : -1, POLLIN, 0}; }
  [[nodiscard]] pollfd room() const { return {pending_.empty() ? -1 : input_.get(), POLLOUT, 0}; }
  [[nodiscard]] bool holds_output() const { return talk_ != nullptr && talk_->holds_output(); }
  /// Does what was said and what there is room for. Never blocks.
  void turn();

 private:
  void write_input();
  void drop_input();

  conversation* talk_;
  unique_fd input_;
  int channel_;
  bool is_terminal_;
  std::string pending_;
  bool ends_ = false;
};

}  // namespace lazaret::sandbox
