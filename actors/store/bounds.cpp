#include "actors/store/bounds.hpp"

#include <algorithm>

namespace lazaret::durable::bounds {
namespace {

constexpr std::size_t longest_name = 64, longest_word = 32, longest_owner = 100;
constexpr std::size_t longest_client = 200, longest_key = 300, longest_fingerprint = 200;
constexpr std::size_t most_facets = 8, longest_facet = 200;
constexpr std::size_t longest_page = 500;
constexpr int priority_span = 100;
constexpr std::chrono::milliseconds shortest_lease{1000};
/// A century: sums with the clock stay far from its ends.
constexpr std::chrono::hours longest_time{24 * 36525};

sandbox::failure refusal(std::string what) { return {"bounds", 0, std::move(what), {}}; }
broken unless(bool holds, const char* what) { return holds ? broken{} : refusal(what); }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
  });
}
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= longest_word &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

template <class Facets>
broken of_facets(const Facets& facets) {
  if (facets.size() > most_facets) return refusal("more than 8 facets");
  for (const auto& [facet, value] : facets) {
    if (!is_word(facet)) return refusal("a facet's name is not [a-z_]{1,32}");
    if (value.size() > longest_facet) return refusal("a facet's value is longer than 200 B");
  }
  return {};
}

}  // namespace

broken of_kind(std::string_view kind) { return unless(is_name(kind), "a kind is not [A-Za-z0-9_-]{1,64}"); }

broken of(const name& what) {
  return first({of_kind(what.kind), unless(is_name(what.id), "an id is not [A-Za-z0-9_-]{1,64}")});
}

broken of(const document& what) {
  return first({unless(what.body.size() <= store::max_body, "a body is longer than 32 MiB"), of_facets(what.facets)});
}

broken of(const place& where) {
  return first(
      {of_queue(where.queue),
       unless(where.priority >= -priority_span && where.priority <= priority_span, "a priority is not in -100..100"),
       unless(where.client.size() <= longest_client, "a client is longer than 200 B"),
       unless(where.not_before <= clock::now() + longest_time, "not_before is more than a century away")});
}

broken of(const change& what) {
  return first({of(what.now), what.next ? of(*what.next) : broken{}, of(std::span<const event>{what.events})});
}

broken of(std::span<const event> events) {
  for (const auto& one : events) {
    if (!is_word(one.type)) return refusal("an event's type is not [a-z_]{1,32}");
    if (one.data.size() > store::max_event) return refusal("an event is longer than 1 MiB");
  }
  return {};
}

broken of(const idempotency& key) {
  return first({unless(!key.key.empty() && key.key.size() <= longest_key, "an idempotency key is not of 1 to 300 B"),
                unless(key.fingerprint.size() <= longest_fingerprint, "a fingerprint is longer than 200 B"),
                unless(key.keep >= std::chrono::seconds{1} && key.keep <= longest_time,
                       "a key is kept for less than 1 s or more than a century")});
}

broken of(const list_filter& filter) {
  return first({of_facets(filter.facets),
                unless(filter.limit >= 1 && filter.limit <= longest_page, "a page's limit is not in 1..500")});
}

broken of_queue(std::string_view queue) { return unless(is_word(queue), "a queue is not [a-z_]{1,32}"); }

broken of_owner(std::string_view owner) {
  const bool holds =
      !owner.empty() && owner.size() <= longest_owner && std::all_of(owner.begin(), owner.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == ':' || c == '-';
      });
  return unless(holds, "an owner is not [A-Za-z0-9._:-]{1,100}");
}

broken of_lease(std::chrono::milliseconds lease) {
  return unless(lease >= shortest_lease && lease <= longest_time,
                "a lease is shorter than 1 s or longer than a century");
}

broken of_note(std::string_view key, std::string_view value, std::chrono::seconds keep) {
  return first({of_note(key), unless(value.size() <= store::max_note, "a note is longer than 64 KiB"),
                unless(keep >= std::chrono::seconds{1} && keep <= longest_time,
                       "a note is kept for less than 1 s or more than a century")});
}

broken of_note(std::string_view key) {
  return unless(!key.empty() && key.size() <= longest_key, "a note's key is not of 1 to 300 B");
}

broken first(std::initializer_list<broken> all) {
  const auto found = std::find_if(all.begin(), all.end(), [](const broken& b) { return b.has_value(); });
  return found == all.end() ? broken{} : *found;
}

}  // namespace lazaret::durable::bounds
