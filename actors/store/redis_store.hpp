#pragma once
/// The store that several nodes share: one Redis 7. How the data lie there is in redis_schema.hpp. Leases, delays and
/// ages go by Redis' own clock, never by a node's.
///
/// What Redis must be for accepted to mean accepted: `appendonly yes` (with `appendfsync always` a write is on disk
/// when the call returns; with `everysec` a machine that loses power loses a second, a Redis that is killed loses
/// nothing), `maxmemory-policy noeviction`, a prefix that nobody else uses. Replicas are as late as Redis makes them: a
/// fail-over may lose the last writes. The URL must lead to the primary (a name or proxy that Sentinel or the platform
/// moves; we don't ask Sentinel ourselves). Redis Cluster is refused.
///
/// A call whose connection is lost is asked once more on a new one when that is safe: scripts that write know their own
/// nonce and don't do twice what they did (all but append(), which is not asked again). When Redis stays away, the call
/// fails with a sentence, and the next ones at once until it is time for a new attempt (50 ms, doubling to 2 s); so it
/// is when Redis is there and silent (stopped, or cut off) for server_options::answer_patience.
/// A call takes at most about twice server_options::answer_patience. With Redis over its `maxmemory`, nothing new is
/// accepted, but what was can be brought to its end.

#include <memory>
#include <string_view>

#include "actors/store/redis_server.hpp"
#include "actors/store/store.hpp"

namespace lazaret::durable {

/// `url`: redis_url.hpp. Fails for what waiting doesn't heal: the URL, unreadable certificates, a wrong password, data
/// of a newer version, a Redis that is too old or evicts keys. One that is only away is no failure: trouble() says so,
/// and calls fail until it is back.
[[nodiscard]] result<std::unique_ptr<store>> open_redis_store(std::string_view url, redis::server_options options = {});

}  // namespace lazaret::durable
