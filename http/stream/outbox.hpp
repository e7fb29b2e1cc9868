#pragma once
/// What a program printed and its client has not taken yet. Filled by the worker that waits for the jail, emptied on
/// the connection's strand. Thread-safe.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/conversation.hpp"

namespace lazaret::http::stream {

class outbox {
 public:
  /// Above this much, output is held; below a quarter of it, no more.
  static constexpr std::size_t most_unsent = 256 << 10;

  /// `poke` is called on any thread when there may be something to take.
  outbox(std::shared_ptr<sandbox::conversation> holds, std::function<void()> poke)
      : holds_{std::move(holds)}, poke_{std::move(poke)} {}

  void started();
  void print(bool is_error, std::string_view bytes);
  /// The last message, after all that was printed.
  void finish(std::string message);

  /// The next message, ready to be sent: at most 64 KiB of output each.
  [[nodiscard]] std::optional<std::string> take();
  /// The last message was taken.
  [[nodiscard]] bool is_empty_for_good();

 private:
  struct piece {
    bool is_error;
    std::string bytes;
  };
  [[nodiscard]] std::optional<std::string> take_output();
  [[nodiscard]] std::optional<std::string> take_rest();

  const std::shared_ptr<sandbox::conversation> holds_;
  const std::function<void()> poke_;
  std::mutex mutex_;
  std::deque<piece> pieces_;
  std::size_t size_ = 0;
  std::string begun_[2];  ///< characters whose end has not come yet, of stdout and stderr
  std::optional<std::string> last_;
  bool has_started_ = false, finished_ = false, holding_ = false;
};

}  // namespace lazaret::http::stream
