#include <algorithm>
#include <charconv>

#include "actors/store/bounds.hpp"
#include "actors/store/redis_parts.hpp"

namespace lazaret::durable::redis {

namespace {

template <class Number>
Number number_in(const reply& one) {
  Number value{};
  std::from_chars(one.text.data(), one.text.data() + one.text.size(), value);
  return value;
}

name name_in(std::string_view text) {
  const auto colon = text.find(':');
  return {std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)}};
}

std::int64_t micros(std::chrono::milliseconds lease) { return std::chrono::microseconds{lease}.count(); }

words claimed(const claim& held) {
  words w;
  w.named(held.name).number(held.token);
  return w;
}

}  // namespace

result<std::vector<claim>> redis_store::take(const std::string& queue, const std::string& owner, std::size_t most,
                                             std::chrono::milliseconds lease) {
  if (auto bad = bounds::first({bounds::of_queue(queue), bounds::of_owner(owner), bounds::of_lease(lease)})) {
    return *bad;
  }
  std::vector<claim> claims;
  if (most == 0) return claims;
  words w;
  w.text(queue).text(owner).number(std::min<std::size_t>(most, 1000)).number(micros(lease));
  auto got = server_.run(all_scripts().take, w.all());
  if (!got) return got.error();
  for (auto& one : got->list) {
    auto& parts = one.list;
    claims.push_back({name_in(parts.at(0).text), std::move(parts.at(1).text), queue,
                      number_in<std::uint64_t>(parts.at(2)), number_in<int>(parts.at(3)), number_in<int>(parts.at(4)),
                      number_in<int>(parts.at(5))});
  }
  return claims;
}

result<settlement> redis_store::renew(const claim& held, std::chrono::milliseconds lease) {
  if (auto bad = bounds::first({bounds::of(held.name), bounds::of_lease(lease)})) return *bad;
  const auto got = server_.run(all_scripts().renew, claimed(held).number(micros(lease)).all());
  if (!got) return got.error();
  return settled(*got);
}

result<settlement> redis_store::update(const claim& held, const document& now, std::span<const event> events) {
  if (auto bad = bounds::first({bounds::of(held.name), bounds::of(now), bounds::of(events)})) return *bad;
  const auto got = server_.run(all_scripts().update, claimed(held).changed(now, std::nullopt, events).all());
  if (!got) return got.error();
  return settled(*got);
}

result<settlement> redis_store::settle(const claim& held, const change& outcome) {
  if (auto bad = bounds::first({bounds::of(held.name), bounds::of(outcome)})) return *bad;
  const auto got =
      server_.run(all_scripts().settle, claimed(held).changed(outcome.now, outcome.next, outcome.events).all());
  if (!got) return got.error();
  return settled(*got);
}

result<settlement> redis_store::put_back(const claim& held, clock::time_point not_before, bool died) {
  if (auto bad = bounds::of(held.name)) return *bad;
  const auto got = server_.run(all_scripts().put_back, claimed(held).time(not_before).text(died ? "1" : "0").all());
  if (!got) return got.error();
  return settled(*got);
}

result<settlement> redis_store::blame(const name& what, std::uint64_t token) {
  if (auto bad = bounds::of(what)) return *bad;
  const auto got = server_.run(all_scripts().blame, words{}.named(what).number(token).all());
  if (!got) return got.error();
  return settled(*got);
}

result<std::uint64_t> redis_store::abandon(const std::string& owner) {
  if (auto bad = bounds::of_owner(owner)) return *bad;
  const auto got = server_.run(all_scripts().abandon, words{}.text(owner).all());
  if (!got) return got.error();
  return static_cast<std::uint64_t>(got->integer);
}

result<queue_depth> redis_store::depth(const std::string& queue) {
  if (auto bad = bounds::of_queue(queue)) return *bad;
  const auto got = server_.run(all_scripts().depth, words{}.text(queue).all());
  if (!got) return got.error();
  return queue_depth{static_cast<std::uint64_t>(got->list.at(0).integer),
                     static_cast<std::uint64_t>(got->list.at(1).integer)};
}

result<std::optional<std::uint64_t>> redis_store::position(const name& what) {
  if (auto bad = bounds::of(what)) return *bad;
  const auto got = server_.run(all_scripts().position, words{}.named(what).all());
  if (!got) return got.error();
  if (got->what != reply::kind::integer) return std::optional<std::uint64_t>{};
  return std::optional{static_cast<std::uint64_t>(got->integer)};
}

std::unique_ptr<subscription> redis_store::watch_queue(const std::string& queue, std::function<void()> poke) {
  return listener_->watch(channel("q:" + queue), true, std::move(poke));
}

}  // namespace lazaret::durable::redis
