#pragma once
/// The Redis store as a class; its parts are redis_documents.cpp, redis_work.cpp and redis_store.cpp.

#include <deque>
#include <string>
#include <string_view>

#include "actors/store/redis_listener.hpp"
#include "actors/store/redis_server.hpp"
#include "actors/store/store.hpp"

namespace lazaret::durable::redis {

/// The arguments of a script. What is given as a string must outlive it; numbers are kept.
class words {
 public:
  words& text(std::string_view one) {
    all_.push_back(one);
    return *this;
  }
  words& keep(std::string one) { return text(kept_.emplace_back(std::move(one))); }
  template <class Number>
  words& number(Number one) {
    return keep(std::to_string(one));
  }
  words& named(const name& what) { return keep(what.kind + ":" + what.id); }
  /// Microseconds since 1970, within what a double can count; nothing is the empty word.
  words& time(const std::optional<clock::time_point>& when);
  words& happened(std::span<const event> events);
  /// As lua/change.lua reads it.
  words& changed(const document& now, const std::optional<place>& next, std::span<const event> events);

  [[nodiscard]] const arguments& all() const noexcept { return all_; }

 private:
  arguments all_;
  std::deque<std::string> kept_;
};

class redis_store final : public store {
 public:
  redis_store(dialer to, server_options options) : server_{std::move(to), options}, listener_{listener::of(server_)} {}
  ~redis_store() override { listener_->stop(); }

  /// Why it should not be opened: what first_contact() says, or a Redis that would throw work away.
  std::optional<sandbox::failure> examine();

  result<admission> add(const name& what, const change& first, std::uint64_t most_waiting,
                        const std::optional<idempotency>& key) override;
  std::vector<result<admission>> add_all(std::span<const addition> them) override;
  result<std::optional<admission>> recognise(const std::string& kind, const idempotency& key) override;
  result<settlement> amend(const name& what,
                           const std::function<std::optional<change>(const std::string&)>& decide) override;
  result<std::optional<std::string>> find(const name& what) override;
  result<listed> list(const std::string& kind, const list_filter& filter) override;
  result<std::vector<std::string>> ended(const std::string& kind, clock::time_point before, std::size_t most) override;
  result<void> forget(const name& what) override;

  result<std::vector<claim>> take(const std::string& queue, const std::string& owner, std::size_t most,
                                  std::chrono::milliseconds lease) override;
  result<settlement> renew(const claim& held, std::chrono::milliseconds lease) override;
  result<settlement> update(const claim& held, const document& now, std::span<const event> events) override;
  result<settlement> settle(const claim& held, const change& outcome) override;
  result<settlement> put_back(const claim& held, clock::time_point not_before, bool died) override;
  result<settlement> blame(const name& what, std::uint64_t token) override;
  result<std::uint64_t> abandon(const std::string& owner) override;
  result<queue_depth> depth(const std::string& queue) override;
  result<std::optional<std::uint64_t>> position(const name& what) override;
  std::unique_ptr<subscription> watch_queue(const std::string& queue, std::function<void()> poke) override;

  result<void> append(const name& what, const event& one, std::uint64_t most) override;
  result<std::vector<numbered_event>> events(const name& what, std::uint64_t after, std::size_t limit) override;
  std::unique_ptr<subscription> watch_events(const name& what, std::function<void()> poke) override;

  result<void> remember(const std::string& key, const std::string& value, std::chrono::seconds keep) override;
  result<std::optional<std::string>> recall(const std::string& key) override;
  std::optional<std::string> trouble() override;
  result<std::size_t> tidy(std::size_t most) override;

 private:
  [[nodiscard]] std::string channel(std::string_view rest) const;
  /// A sentence when Redis is set up so that it loses work.
  std::optional<std::string> eviction();

  server server_;
  std::shared_ptr<listener> listener_;
};

/// What lua/claim.lua and amend.lua answer.
[[nodiscard]] settlement settled(const reply& answer);

}  // namespace lazaret::durable::redis
