#include "http/stream/outbox.hpp"

#include "http/stream/messages.hpp"

namespace lazaret::http::stream {
namespace {

constexpr std::size_t piece_bytes = 64 << 10;

}  // namespace

void outbox::started() {
  {
    const std::lock_guard lock{mutex_};
    has_started_ = true;
  }
  poke_();
}

void outbox::print(bool is_error, std::string_view bytes) {
  {
    const std::lock_guard lock{mutex_};
    size_ += bytes.size();
    const bool joins = !pieces_.empty() && pieces_.back().is_error == is_error &&
                       pieces_.back().bytes.size() + bytes.size() <= piece_bytes;
    if (joins)
      pieces_.back().bytes += bytes;
    else
      pieces_.push_back({is_error, std::string{bytes}});
    if (size_ > most_unsent && !holding_) holds_->hold_output(holding_ = true);
  }
  poke_();
}

void outbox::finish(std::string message) {
  {
    const std::lock_guard lock{mutex_};
    if (!last_ && !finished_) last_ = std::move(message);
  }
  poke_();
}

std::optional<std::string> outbox::take() {
  const std::lock_guard lock{mutex_};
  if (std::exchange(has_started_, false)) return say_started();
  while (!pieces_.empty())
    if (auto message = take_output()) return message;
  if (!last_) return std::nullopt;
  if (auto message = take_rest()) return message;
  finished_ = true;
  return std::exchange(last_, std::nullopt);
}

bool outbox::is_empty_for_good() {
  const std::lock_guard lock{mutex_};
  return finished_;
}

/// Nothing when it was but the beginning of a character.
std::optional<std::string> outbox::take_output() {
  auto [is_error, bytes] = std::move(pieces_.front());
  pieces_.pop_front();
  size_ -= bytes.size();
  if (holding_ && size_ < most_unsent / 4) holds_->hold_output(holding_ = false);
  auto& begun = begun_[is_error ? 1 : 0];
  bytes.insert(0, begun);
  begun = bytes.substr(whole_characters(bytes));
  bytes.resize(bytes.size() - begun.size());
  if (bytes.empty()) return std::nullopt;
  return say_output(is_error, bytes);
}

/// A character that was begun and never ended: bytes, then.
std::optional<std::string> outbox::take_rest() {
  for (const bool is_error : {false, true})
    if (auto rest = std::exchange(begun_[is_error ? 1 : 0], {}); !rest.empty()) return say_output(is_error, rest);
  return std::nullopt;
}

}  // namespace lazaret::http::stream
