#include <algorithm>
#include <cctype>

#include "actors/store/bounds.hpp"
#include "actors/store/redis_parts.hpp"

namespace lazaret::durable::redis {

namespace {

/// Bodies of one page: more wait for the next one.
constexpr std::size_t page_bytes = store::max_body;

/// Beyond what a document's number, a double's whole number, can have.
bool is_cursor(std::string_view text) {
  return text.size() <= 16 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bounds::broken adding_refused(const name& what, const change& first, const std::optional<idempotency>& key) {
  return bounds::first({bounds::of(what), bounds::of(first), key ? bounds::of(*key) : bounds::broken{}});
}

/// As lua/add.lua reads it.
void write_addition(words& w, const name& what, const change& first, std::uint64_t most_waiting,
                    const std::optional<idempotency>& key) {
  w.named(what).number(most_waiting).text(key ? "1" : "0");
  if (key) w.text(key->key).text(key->fingerprint).number(key->keep.count());
  w.changed(first.now, first.next, first.events);
}

result<admission> admitted(result<reply> got) {
  using kind = admission::kind;
  if (!got) return got.error();
  const auto& word = got->list.at(0).text;
  return admission{word == "repeated"   ? kind::repeated
                   : word == "conflict" ? kind::conflict
                   : word == "full"     ? kind::full
                   : word == "exists"   ? kind::exists
                                        : kind::added,
                   got->list.at(1).text};
}

}  // namespace

words& words::time(const std::optional<clock::time_point>& when) {
  if (!when) return text("");
  using std::chrono::microseconds;
  // 2^53 microseconds are 285 years.
  const auto since = std::chrono::floor<microseconds>(when->time_since_epoch()).count();
  return number(std::clamp<std::int64_t>(since, 0, 9'000'000'000'000'000));
}

words& words::happened(std::span<const event> events) {
  number(events.size());
  for (const auto& one : events) text(one.type).text(one.data);
  return *this;
}

words& words::changed(const document& now, const std::optional<place>& next, std::span<const event> events) {
  text(now.body).time(now.ended_at).number(now.facets.size());
  for (const auto& [facet, value] : now.facets) text(facet).text(value);
  text(next ? "1" : "0");
  if (next) text(next->queue).number(next->priority).text(next->client).time(next->not_before);
  return happened(events);
}

settlement settled(const reply& answer) {
  return answer.text == "done" ? settlement::done : answer.text == "gone" ? settlement::gone : settlement::superseded;
}

result<admission> redis_store::add(const name& what, const change& first, std::uint64_t most_waiting,
                                   const std::optional<idempotency>& key) {
  if (auto bad = adding_refused(what, first, key)) return *bad;
  words w;
  write_addition(w, what, first, most_waiting, key);
  return admitted(server_.run(all_scripts().add, w.all()));
}

std::vector<result<admission>> redis_store::add_all(std::span<const addition> them) {
  std::vector<std::optional<result<admission>>> given(them.size());
  std::deque<words> all;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < them.size(); ++i) {
    const auto& [what, first, most_waiting, key] = them[i];
    if (auto bad = adding_refused(what, first, key)) {
      given[i] = *bad;
      continue;
    }
    write_addition(all.emplace_back(), what, first, most_waiting, key);
    asked.push_back(i);
  }
  auto answers = server_.run_all(all_scripts().add, all);
  for (std::size_t n = 0; n < asked.size(); ++n) given[asked[n]] = admitted(std::move(answers[n]));
  std::vector<result<admission>> in_order;
  for (auto& one : given) in_order.push_back(std::move(*one));
  return in_order;
}

result<std::optional<admission>> redis_store::recognise(const std::string& kind, const idempotency& key) {
  if (auto bad = bounds::of(key)) return *bad;
  auto got = server_.run(all_scripts().recognise, words{}.text(key.key).text(key.fingerprint).text(kind).all());
  if (!got) return got.error();
  if (got->list.empty()) return std::optional<admission>{};
  auto known = admitted(std::move(got));
  return std::optional{std::move(*known)};
}

result<settlement> redis_store::amend(const name& what,
                                      const std::function<std::optional<change>(const std::string&)>& decide) {
  if (auto bad = bounds::of(what)) return *bad;
  while (true) {
    const auto seen = server_.run(all_scripts().look, words{}.named(what).all());
    if (!seen) return seen.error();
    if (seen->list.empty()) return settlement::gone;
    const auto next = decide(seen->list.at(0).text);
    if (!next) return settlement::superseded;
    if (auto bad = bounds::of(*next)) return *bad;
    words w;
    w.named(what).text(seen->list.at(1).text).changed(next->now, next->next, next->events);
    const auto got = server_.run(all_scripts().amend, w.all());
    if (!got) return got.error();
    // Each time that it says `again` somebody else was done, so this ends.
    if (got->text != "again") return settled(*got);
  }
}

result<std::optional<std::string>> redis_store::find(const name& what) {
  if (auto bad = bounds::of(what)) return *bad;
  auto got = server_.run(all_scripts().find, words{}.named(what).all());
  if (!got) return got.error();
  if (got->what == reply::kind::nothing) return std::optional<std::string>{};
  return std::optional{std::move(got->text)};
}

result<listed> redis_store::list(const std::string& kind, const list_filter& filter) {
  if (auto bad = bounds::first({bounds::of_kind(kind), bounds::of(filter)})) return *bad;
  if (!is_cursor(filter.cursor)) return sandbox::failure{"cursor", 0, "a cursor that no list gave", {}};
  listed page;
  page.next_cursor = filter.cursor;
  std::size_t bytes = 0;
  do {
    words w;
    w.text(kind).number(filter.limit - page.bodies.size()).keep(page.next_cursor).number(page_bytes - bytes);
    for (const auto& [facet, value] : filter.facets) w.text(facet).text(value);
    auto got = server_.run(all_scripts().list, w.all());
    if (!got) return got.error();
    page.next_cursor = got->list.at(0).text;
    for (std::size_t i = 1; i < got->list.size(); ++i) {
      bytes += got->list[i].text.size();
      page.bodies.push_back(std::move(got->list[i].text));
    }
    // A script looks at so many only; where matches are rare it takes several.
  } while (!page.next_cursor.empty() && page.bodies.size() < filter.limit && bytes < page_bytes / 2);
  return page;
}

result<std::vector<std::string>> redis_store::ended(const std::string& kind, clock::time_point before,
                                                    std::size_t most) {
  if (auto bad = bounds::of_kind(kind)) return *bad;
  words w;
  w.text(kind).time(before).number(std::min<std::size_t>(most, 100'000));
  auto got = server_.run(all_scripts().ended, w.all());
  if (!got) return got.error();
  std::vector<std::string> ids;
  for (auto& one : got->list) ids.push_back(std::move(one.text));
  return ids;
}

result<void> redis_store::forget(const name& what) {
  if (auto bad = bounds::of(what)) return *bad;
  const auto got = server_.run(all_scripts().forget, words{}.named(what).all());
  if (!got) return got.error();
  return {};
}

}  // namespace lazaret::durable::redis
