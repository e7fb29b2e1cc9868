#pragma once
/// How the data lie in Redis. All keys begin with the prefix of the URL; times are microseconds since 1970 by Redis'
/// own clock (TIME), and only that clock decides about leases and delays. Every write is one script
/// (actors/store/lua/), so it happens whole or not at all, also when Redis is killed: the effects of a script are one
/// MULTI in the AOF.
///
///   schema                  version of this description
///   seq                     counts documents and places, for age
///   d:KIND:ID      hash     a document: body, facets, place, claim, counters (lua/prelude.lua names the fields)
///   v:KIND:ID      stream   its events, n-1 for the n-th
///   l:KIND         zset     ids by creation: lists
///   f:KIND:FACET:VALUE zset ids by creation: lists by facet
///   e:KIND         zset     ids by the time they ended, of those in no queue: retention
///   i:KEY          string   idempotency, expires
///   n:KEY          string   a note, expires
///   queues         set      every queue from which something was ever taken
///   q:QUEUE:wait   zset     who waits and is due, in order: by (priority, turn), then by age
///   q:QUEUE:later  zset     who waits and is not due yet, by when
///   q:QUEUE:turn   hash     per priority, the turn that was last given out
///   q:QUEUE:of:PRIORITY:CLIENT zset   a client's waiting documents by turn
///   q:QUEUE:held   zset     who is held, by the end of the lease
///   q:QUEUE:work   stream   one entry per held document, pending for its owner in the consumer group `w`
///
/// The stream says who holds what, for people (XINFO CONSUMERS, XPENDING) and for abandon(); what is taken over from
/// the dead is moved with XCLAIM, entry by entry: leases differ, and XAUTOCLAIM knows one idle time for all. Pokes are
/// published on PREFIX@DB:q:QUEUE and PREFIX@DB:v:KIND:ID (channels are not per database).
///
/// A document of a program that did not tell deaths from losses has no field of lost claims; its count of deaths stays.
/// Such a program, beside this one on the same Redis, still counts what it finds lost as a death.
///
/// Keys are made in the scripts, so Redis Cluster can't be used.
/// Bodies lie in Redis whole (store::max_body). Files are no business of the store: they are in BLOB_DIR.

namespace lazaret::durable::redis {

inline constexpr int newest_schema = 1;

}  // namespace lazaret::durable::redis
