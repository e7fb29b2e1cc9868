#pragma once
/// Where accepted work is before anybody is told of it: documents, each with a place in at most one queue, the events
/// of each, and a few notes that expire. It knows nothing of runs or jobs: a document's body is its owner's JSON.
///
/// Two implementations pass one suite (tests/store/): SQLite for one machine, Redis for several nodes. Thread-safe;
/// every call blocks for a query, a commit or a round trip. A write that returned without a failure is on disk (SQLite:
/// WAL with synchronous=FULL, https://www.sqlite.org/pragma.html#pragma_synchronous) or in Redis, as durable as its
/// `appendfsync` makes it (https://redis.io/docs/management/persistence/). A failure means: perhaps written.
///
/// Delivery is at least once, its effect once: who claims a document gets a `token` greater than all before it, and
/// only the newest token may settle it (fencing: M. Kleppmann, "How to do distributed locking", 2016). A claim that is
/// not renewed within its lease may be given to the next who asks; until somebody did, its holder may still come back.
///
/// Bodies, clients, keys, values and event data are bytes: NUL and what is no UTF-8 come back as they were. What breaks
/// a bound that is stated here is refused with a failure `bounds` (actors/store/bounds.hpp) and not written.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/store/subscription.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::durable {

using clock = std::chrono::system_clock;
using sandbox::result;

/// `kind` is of a small closed set of the callers' (`run`, `job`), `id` is unique within it. Both: [A-Za-z0-9_-]{1,64}.
struct name {
  std::string kind, id;
  auto operator<=>(const name&) const = default;
};

struct document {
  std::string body;                                        ///< JSON, at most `max_body` bytes
  std::map<std::string, std::string, std::less<>> facets;  ///< for list(): at most 8, [a-z_]{1,32} to at most 200 B
  std::optional<clock::time_point> ended_at;               ///< has come to its end: retention may forget it
};

/// A place in a queue. Order: priority, then turn, then age in that queue. The turn is fairness between clients: it is
/// given once, when a document comes to the queue, and is one more than the greater of the greatest turn that was given
/// out so far (of that queue and priority; 0 at first) and the greatest of its client's that wait there. So the n-th of
/// each client comes before anybody's n+1st, and one who always has work waits for one of each other client's at most
/// (after start-time fair queueing, Goyal et al. 1996).
struct place {
  std::string queue;   ///< [a-z_]{1,32}
  int priority = 0;    ///< -100..100; higher first
  std::string client;  ///< whose share, at most 200 B; empty is a client like any other
  clock::time_point not_before{};
};

/// An event before the store has numbered it. Numbers count from 1 within a document, without gaps.
struct event {
  std::string type;  ///< [a-z_]{1,32}
  std::string data;  ///< at most `max_event` bytes
};
struct numbered_event {
  std::uint64_t id = 0;
  std::string type, data;
};

/// The same key within its time gives the same document again. A key whose document was forgotten is unused.
struct idempotency {
  std::string key;          ///< 1 to 300 B; the caller puts the route and the client's identity into it
  std::string fingerprint;  ///< digest of what was asked; at most 200 B
  std::chrono::seconds keep{24 * 3600};
};

/// The first of these that holds, in this order: repeated, conflict, exists, full, added.
struct admission {
  enum class kind : std::uint8_t {
    added,
    repeated,  ///< `id` is the document that this key gave first
    conflict,  ///< the key was used for something else: another fingerprint or kind
    full,      ///< as many as `most_waiting` wait in that queue
    exists,    ///< a document of that name is there
  } what = kind::added;
  std::string id;  ///< the document that is there now; empty when full
};

struct claim {
  durable::name name;
  std::string body;
  std::string queue;
  std::uint64_t token = 0;  ///< 1 for the first claim of a document; greater for each later one, whatever the queue
  int deaths = 0;           ///< claims in this queue before this one that its own deed ended: put_back(), blame()
  int losses = 0;           ///< those that ran out or were abandoned, and are not blamed on it
  int attempts = 1;         ///< claims in this queue, this one counted
};

/// What became of a write under a claim or of an amendment.
enum class settlement : std::uint8_t {
  done,
  superseded,  ///< somebody holds a newer token, or it was amended: nothing was written, drop what you have
  gone,        ///< there is no such document (any more)
};

/// A new state of a document: written whole, in one transaction.
struct change {
  document now;
  std::optional<place> next;  ///< where it goes; nothing: into no queue
  std::vector<event> events;
};

/// What add() is asked.
struct addition {
  durable::name what;
  change first;
  std::uint64_t most_waiting = 0;
  std::optional<idempotency> key;
};

struct queue_depth {
  std::uint64_t waiting = 0;  ///< also those that aren't due yet
  std::uint64_t held = 0;     ///< also those whose lease ran out, until somebody takes them
};

struct list_filter {
  std::map<std::string, std::string, std::less<>> facets;  ///< all must match
  std::string cursor;                                      ///< of the page before; empty: from the newest
  std::size_t limit = 50;                                  ///< 1..500
};
struct listed {
  std::vector<std::string> bodies;
  std::string next_cursor;  ///< empty: that was all
};

class store {
 public:
  virtual ~store() = default;

  // -- documents -----------------------------------------------------------------------------------------------------

  /// Writes a new document, its first events, its place and the key, all or nothing. `most_waiting`: refuses when so
  /// many wait in the place's queue already (documents that are held don't count); 0: no bound.
  virtual result<admission> add(const name& what, const change& first, std::uint64_t most_waiting,
                                const std::optional<idempotency>& key) = 0;
  /// Each as add() would, one after the other, and the answers in that order; they share one wait for the disk, or the
  /// server. Not all or nothing: each by itself.
  virtual std::vector<result<admission>> add_all(std::span<const addition> them) = 0;
  /// What add() would answer to that key for a document of that kind: repeated or conflict; nothing when it is unused.
  [[nodiscard]] virtual result<std::optional<admission>> recognise(const std::string& kind, const idempotency& key) = 0;
  /// Changes a document whoever holds it; every claim of it is void afterwards. `decide` sees the body as it is and
  /// gives its new state, or nothing to leave it alone (then: superseded). It may be called again when somebody else
  /// was faster, and must have no effects of its own.
  virtual result<settlement> amend(const name& what,
                                   const std::function<std::optional<change>(const std::string& body)>& decide) = 0;
  [[nodiscard]] virtual result<std::optional<std::string>> find(const name& what) = 0;
  /// Newest (in order of add()) first. A failure `cursor` for a cursor that none of ours can be.
  [[nodiscard]] virtual result<listed> list(const std::string& kind, const list_filter& filter) = 0;
  /// Ids of those that ended before that and are in no queue, the longest ended first.
  [[nodiscard]] virtual result<std::vector<std::string>> ended(const std::string& kind, clock::time_point before,
                                                               std::size_t most) = 0;
  /// With its events. Forgetting what isn't there is no failure; one that waits or is held stays.
  virtual result<void> forget(const name& what) = 0;

  // -- work ----------------------------------------------------------------------------------------------------------

  /// Up to `most` documents that wait in that queue and are due, or whose claim ran out (those first). `owner`: this
  /// node and what it is, for people: [A-Za-z0-9._:-]{1,100}. `lease`: at least one second.
  virtual result<std::vector<claim>> take(const std::string& queue, const std::string& owner, std::size_t most,
                                          std::chrono::milliseconds lease) = 0;
  /// The lease counts from now again.
  virtual result<settlement> renew(const claim& held, std::chrono::milliseconds lease) = 0;
  /// Writes the document without giving it up: a stage has begun. Renews nothing.
  virtual result<settlement> update(const claim& held, const document& now, std::span<const event> events) = 0;
  /// Ends the claim: new state, next place and events in one transaction. The counters of deaths, losses and attempts
  /// go on in the same queue, and begin anew in another one.
  virtual result<settlement> settle(const claim& held, const change& outcome) = 0;
  /// Ends the claim and lets it wait in the same queue with the turn that it had, so in front of its client's others.
  /// `died`: counts as a death.
  virtual result<settlement> put_back(const claim& held, clock::time_point not_before, bool died) = 0;
  /// Work on the document under that token ended the worker, as was found out later: counts as a death, once, and not
  /// as a loss. One that is still held under it waits again, as after put_back(); else who has it now keeps it.
  /// `superseded`: that claim did not end so, or is known already, or the document has left that queue since, which
  /// shows that the work can be done.
  virtual result<settlement> blame(const name& what, std::uint64_t token) = 0;

  /// The leases of all that this owner holds run out now: a node that starts says so of its former life. How many.
  virtual result<std::uint64_t> abandon(const std::string& owner) = 0;

  [[nodiscard]] virtual result<queue_depth> depth(const std::string& queue) = 0;
  /// How many of its queue come before it, of those that are due; nothing when it does not wait.
  [[nodiscard]] virtual result<std::optional<std::uint64_t>> position(const name& what) = 0;
  /// `poke` when something may have come to that queue, by whichever node, or became due there; also now and then
  /// without a reason, at least every two seconds, which is when leases that ran out are found. It is called on a
  /// thread of the store's (or of the writer's), must not block and must not call the store.
  [[nodiscard]] virtual std::unique_ptr<subscription> watch_queue(const std::string& queue,
                                                                  std::function<void()> poke) = 0;

  // -- events --------------------------------------------------------------------------------------------------------

  /// One more event, not synced by itself; dropped when the document has `most` of that type, has ended, or is gone.
  virtual result<void> append(const name& what, const event& one, std::uint64_t most) = 0;
  [[nodiscard]] virtual result<std::vector<numbered_event>> events(const name& what, std::uint64_t after,
                                                                   std::size_t limit) = 0;
  /// As watch_queue(), when that document has new events, appended by whichever node.
  [[nodiscard]] virtual std::unique_ptr<subscription> watch_events(const name& what, std::function<void()> poke) = 0;

  // -- notes ---------------------------------------------------------------------------------------------------------

  /// A value that expires, in the place of what was there. `key` 1 to 300 B, `value` at most 64 KiB, `keep` at least 1
  /// s.
  virtual result<void> remember(const std::string& key, const std::string& value, std::chrono::seconds keep) = 0;
  [[nodiscard]] virtual result<std::optional<std::string>> recall(const std::string& key) = 0;

  // -- operation -----------------------------------------------------------------------------------------------------

  /// Nothing when it can be written to now; else why not, a sentence for readyz.
  [[nodiscard]] virtual std::optional<std::string> trouble() = 0;
  /// Forgets notes and keys that have expired, at most `most` of them at a time; how many that were.
  virtual result<std::size_t> tidy(std::size_t most) = 0;

  static constexpr std::size_t max_body = 32u << 20;
  static constexpr std::size_t max_event = 1u << 20;
  static constexpr std::size_t max_note = 64u << 10;
};

}  // namespace lazaret::durable
