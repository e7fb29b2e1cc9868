#pragma once
/// What the embedded store does to its tables, statement by statement; the tables are in actors/schema.cpp. Each call
/// is within the caller's transaction, and throws sqlite::error.

#include <optional>
#include <vector>

#include "actors/store/sqlite_database.hpp"

namespace lazaret::durable::tables {

struct row {
  std::int64_t seq = 0;
  std::uint64_t token = 0;
  bool held = false;
  bool ended = false;
};
[[nodiscard]] std::optional<row> find(database& db, const name& what);

/// Repeated or conflict; nothing when that key is unused.
[[nodiscard]] std::optional<admission> recognise(database& db, const std::string& kind, const idempotency& key,
                                                 clock::time_point now);
[[nodiscard]] admission add(database& db, const name& what, const change& first, std::uint64_t most_waiting,
                            const std::optional<idempotency>& key, clock::time_point now);
/// A body with what it takes to see that it has changed since.
struct snapshot {
  std::int64_t seq = 0, version = 0;
  std::string body;
};
[[nodiscard]] std::optional<snapshot> read(database& db, const name& what);
/// False when it is not that snapshot any more.
[[nodiscard]] bool amend(database& db, const std::string& kind, const snapshot& was, const change& next,
                         clock::time_point now);

[[nodiscard]] bool has_work(database& db, const std::string& queue, clock::time_point now);
[[nodiscard]] std::vector<claim> take(database& db, const std::string& queue, const std::string& owner,
                                      std::size_t most, std::chrono::milliseconds lease, clock::time_point now);
/// `work(row)` when the claim is still the newest.
template <class Work>
settlement under(database& db, const claim& held, const Work& work) {
  const auto found = find(db, held.name);
  if (!found) return settlement::gone;
  if (!found->held || found->token != held.token) return settlement::superseded;
  work(*found);
  return settlement::done;
}
void write(database& db, std::int64_t seq, const std::string& kind, const document& now);
/// Out of its queue, and into that one.
void move(database& db, std::int64_t seq, const std::optional<place>& next, clock::time_point now);
void put_back(database& db, std::int64_t seq, clock::time_point not_before, bool died, clock::time_point now);
[[nodiscard]] settlement blame(database& db, const name& what, std::uint64_t token, clock::time_point now);

void tell(database& db, std::int64_t seq, const event& one);
[[nodiscard]] std::uint64_t told(database& db, std::int64_t seq, const std::string& type);

[[nodiscard]] std::optional<std::uint64_t> position(database& db, const name& what, clock::time_point now);
[[nodiscard]] listed list(database& db, const std::string& kind, const list_filter& filter, std::int64_t before);
void forget(database& db, const name& what);

}  // namespace lazaret::durable::tables
