#include "actors/store/redis_scripts.hpp"

#include <initializer_list>
#include <map>
#include <string_view>

#include "actors/store/redis_digest.hpp"
#include "redis_lua.hpp"

namespace lazaret::durable::redis {

namespace {

/// Flags of Redis 7's scripts (https://redis.io/docs/manual/programmability/lua-api/#script_flags). They are judged
/// before the script begins, so that it never stops in the middle for want of memory, or on a replica.
enum class needs { nothing_new, memory, room_for_what_is_in_hand };

script made_of(needs what, std::initializer_list<std::string_view> parts, bool repeatable = true) {
  // In hand: to bring accepted work to its end must be possible without memory for more of it.
  std::string text = what == needs::nothing_new                ? "#!lua flags=no-writes\n"
                     : what == needs::room_for_what_is_in_hand ? "#!lua flags=allow-oom\n"
                                                               : "#!lua\n";
  for (const auto part : parts) text += lua::file(part);
  auto digest = sha1_hex(text);
  return {std::move(text), std::move(digest), repeatable};
}

}  // namespace

const scripts& all_scripts() {
  using enum needs;
  static const scripts all{
      .add = made_of(memory, {"prelude", "places", "change", "known_key", "add"}),
      .recognise = made_of(nothing_new, {"prelude", "known_key", "recognise"}),
      .look = made_of(nothing_new, {"prelude", "look"}),
      .amend = made_of(memory, {"prelude", "places", "change", "amend"}),
      .find = made_of(nothing_new, {"prelude", "find"}),
      .list = made_of(nothing_new, {"prelude", "list"}),
      .ended = made_of(nothing_new, {"prelude", "ended"}),
      .forget = made_of(room_for_what_is_in_hand, {"prelude", "change", "forget"}),
      .take = made_of(room_for_what_is_in_hand, {"prelude", "places", "take"}),
      .renew = made_of(room_for_what_is_in_hand, {"prelude", "places", "claim", "renew"}),
      .update = made_of(room_for_what_is_in_hand, {"prelude", "places", "change", "claim", "update"}),
      .settle = made_of(room_for_what_is_in_hand, {"prelude", "places", "change", "claim", "settle"}),
      .put_back = made_of(room_for_what_is_in_hand, {"prelude", "places", "claim", "put_back"}),
      .blame = made_of(room_for_what_is_in_hand, {"prelude", "places", "blame"}),
      .abandon = made_of(room_for_what_is_in_hand, {"prelude", "places", "abandon"}),
      .depth = made_of(nothing_new, {"prelude", "depth"}),
      .position = made_of(room_for_what_is_in_hand, {"prelude", "places", "position"}),
      // Told twice, it would be there twice.
      .append = made_of(memory, {"prelude", "change", "append"}, false),
      .events = made_of(nothing_new, {"prelude", "events"}),
      .remember = made_of(memory, {"prelude", "remember"}),
      .recall = made_of(nothing_new, {"prelude", "recall"}),
      .tidy = made_of(room_for_what_is_in_hand, {"prelude", "tidy"}),
      .probe = made_of(memory, {"prelude", "probe"}),
  };
  return all;
}

}  // namespace lazaret::durable::redis
