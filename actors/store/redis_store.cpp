#include "actors/store/redis_store.hpp"

#include <algorithm>
#include <charconv>

#include "actors/store/bounds.hpp"
#include "actors/store/redis_parts.hpp"

namespace lazaret::durable {

namespace redis {

namespace {

/// The value of a line of INFO.
std::string_view line_of(std::string_view info, std::string_view label) {
  const auto at = info.find(label);
  if (at == std::string_view::npos) return {};
  const auto rest = info.substr(at + label.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

std::string redis_store::channel(std::string_view rest) const {
  const auto& where = server_.where();
  return where.prefix + "@" + std::to_string(where.database) + ":" + std::string{rest};
}

std::optional<sandbox::failure> redis_store::examine() {
  if (auto why = server_.first_contact()) return why;
  if (auto why = eviction()) return sandbox::failure{"redis_open", 0, server_.where().shown(), std::move(*why)};
  return std::nullopt;
}

std::optional<std::string> redis_store::eviction() {
  const auto memory = server_.read("redis_info", {"INFO", "memory"});
  if (!memory) return std::nullopt;  // probe and first contact say why
  const auto policy = line_of(memory->text, "maxmemory_policy:");
  // Without a limit nothing is ever evicted.
  if (line_of(memory->text, "\nmaxmemory:") == "0" || policy == "noeviction" || policy.empty()) return std::nullopt;
  return "maxmemory-policy is " + std::string{policy} + ", which throws accepted work away: set it to noeviction";
}

std::optional<std::string> redis_store::trouble() {
  if (const auto wrote = server_.run(all_scripts().probe, {}); !wrote) return wrote.error().describe();
  if (auto why = eviction()) return server_.where().shown() + ": " + *why;
  return std::nullopt;
}

result<void> redis_store::append(const name& what, const event& one, std::uint64_t most) {
  if (auto bad = bounds::first({bounds::of(what), bounds::of(std::span{&one, 1})})) return *bad;
  words w;
  w.named(what).number(most).text(one.type).text(one.data);
  const auto got = server_.run(all_scripts().append, w.all());
  if (!got) return got.error();
  return {};
}

result<std::vector<numbered_event>> redis_store::events(const name& what, std::uint64_t after, std::size_t limit) {
  if (auto bad = bounds::of(what)) return *bad;
  words w;
  w.named(what).number(after).number(std::min<std::size_t>(limit, 100'000));
  auto got = server_.run(all_scripts().events, w.all());
  if (!got) return got.error();
  std::vector<numbered_event> all;
  for (auto& entry : got->list) {  // id, then t, type, d, data
    const auto& id = entry.list.at(0).text;
    auto& fields = entry.list.at(1).list;
    numbered_event one{0, std::move(fields.at(1).text), std::move(fields.at(3).text)};
    std::from_chars(id.data(), id.data() + id.size(), one.id);
    all.push_back(std::move(one));
  }
  return all;
}

std::unique_ptr<subscription> redis_store::watch_events(const name& what, std::function<void()> poke) {
  return listener_->watch(channel("v:" + what.kind + ":" + what.id), false, std::move(poke));
}

result<void> redis_store::remember(const std::string& key, const std::string& value, std::chrono::seconds keep) {
  if (auto bad = bounds::of_note(key, value, keep)) return *bad;
  words w;
  w.text(key).text(value).number(keep.count());
  const auto got = server_.run(all_scripts().remember, w.all());
  if (!got) return got.error();
  return {};
}

result<std::optional<std::string>> redis_store::recall(const std::string& key) {
  if (auto bad = bounds::of_note(key)) return *bad;
  auto got = server_.run(all_scripts().recall, words{}.text(key).all());
  if (!got) return got.error();
  if (got->what == reply::kind::nothing) return std::optional<std::string>{};
  return std::optional{std::move(got->text)};
}

result<std::size_t> redis_store::tidy(std::size_t most) {
  const auto got = server_.run(all_scripts().tidy, words{}.number(most).all());
  if (!got) return got.error();
  return static_cast<std::size_t>(got->integer);
}

}  // namespace redis

result<std::unique_ptr<store>> open_redis_store(std::string_view url, redis::server_options options) {
  auto where = redis::parse_url(url);
  if (!where) return where.error();
  auto dialer = redis::dialer::make(std::move(*where));
  if (!dialer) return dialer.error();
  auto made = std::make_unique<redis::redis_store>(std::move(*dialer), options);
  if (auto why = made->examine()) return *why;
  return std::unique_ptr<store>{std::move(made)};
}

}  // namespace lazaret::durable
