#include "sandbox/conversation.hpp"

#include <sys/eventfd.h>

namespace lazaret::sandbox {
namespace {

constexpr std::size_t most_signals = 64;

}  // namespace

result<std::shared_ptr<conversation>> conversation::make() {
  unique_fd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake) return os_failure("conversation", "eventfd");
  return std::shared_ptr<conversation>{new conversation{std::move(wake)}};
}

void conversation::give(std::string_view bytes) {
  {
    const std::lock_guard lock{mutex_};
    if (input_ended_) return;
    said_.input += bytes;
    waiting_ += bytes.size();
  }
  rouse();
}

void conversation::end_input() {
  {
    const std::lock_guard lock{mutex_};
    input_ended_ = said_.ends_input = true;
  }
  rouse();
}

void conversation::signal(int number) {
  {
    const std::lock_guard lock{mutex_};
    const bool is_repeated = !said_.signals.empty() && said_.signals.back() == number;
    if (is_repeated || said_.signals.size() >= most_signals) return;
    said_.signals.push_back(number);
  }
  rouse();
}

void conversation::resize(const window& size) {
  {
    const std::lock_guard lock{mutex_};
    said_.size = size;
  }
  rouse();
}

void conversation::hold_output(bool held) {
  if (held_.exchange(held) && !held) rouse();
}

void conversation::rouse() const { ::eventfd_write(wake_.get(), 1); }

conversation::orders conversation::take() {
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  const std::lock_guard lock{mutex_};
  return std::exchange(said_, {});
}

void conversation::took(std::size_t bytes) {
  waiting_ -= bytes;
  if (when_taken) when_taken();
}

}  // namespace lazaret::sandbox
