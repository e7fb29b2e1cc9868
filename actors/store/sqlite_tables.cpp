#include "actors/store/sqlite_tables.hpp"

#include <algorithm>

namespace lazaret::durable::tables {
namespace {

void count(database& db, const std::string& queue, int waiting, int held) {
  db("UPDATE queues SET waiting = waiting + ?2, held = held + ?3 WHERE queue = ?1").with(queue, waiting, held).run();
}

/// See `place` in store.hpp.
std::int64_t next_turn(database& db, const place& next) {
  auto most = db(
      "SELECT MAX(COALESCE((SELECT turn FROM turns WHERE queue = ?1 AND priority = ?2), 0),"
      " COALESCE((SELECT MAX(turn) FROM places WHERE queue = ?1 AND priority = ?2 AND client = ?3 AND state < 2), 0))");
  most.with(next.queue, next.priority, next.client).step();
  return most.integer(0) + 1;
}

std::int64_t next_age(database& db, const std::string& queue) {
  db("INSERT OR IGNORE INTO queues VALUES(?1, 0, 0, 0)").with(queue).run();
  auto age = db("UPDATE queues SET next_age = next_age + 1 WHERE queue = ?1 RETURNING next_age");
  age.with(queue).step();
  const auto mine = age.integer(0);
  age.step();  // to its end: only then it has run
  return mine;
}

/// What goes on when a document comes to the queue again in which it was.
struct history {
  std::int64_t deaths = 0, attempts = 0;
  std::string lost = {};
};

void enter(database& db, std::int64_t seq, const place& next, const history& so_far, clock::time_point now) {
  const auto turn = next_turn(db, next);
  const auto age = next_age(db, next.queue);
  db("INSERT INTO places VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9, ?10, ?11)")
      .with(seq, next.queue, next.priority, next.client, turn, age, next.not_before > now ? 1 : 0, next.not_before,
            so_far.deaths, so_far.attempts, so_far.lost)
      .run();
  count(db, next.queue, 1, 0);
}

/// One document of that queue becomes the owner's.
claim give(database& db, std::int64_t seq, const std::string& owner, clock::time_point until, bool ran_out) {
  claim given;
  {
    auto token = db("UPDATE documents SET token = token + 1 WHERE seq = ?1 RETURNING token, kind, id");
    token.with(seq).step();
    given.token = static_cast<std::uint64_t>(token.integer(0));
    given.name = {token.text(1), token.text(2)};
    token.step();
  }
  {
    auto held =
        db("UPDATE places SET state = 2, at = ?2, owner = ?3, lost = lost || ?4, attempts = attempts + 1"
           " WHERE seq = ?1 RETURNING queue, deaths, attempts, priority, turn, lost");
    held.with(seq, until, owner, ran_out ? std::to_string(given.token - 1) + ',' : "").step();
    given.queue = held.text(0);
    given.deaths = static_cast<int>(held.integer(1));
    given.attempts = static_cast<int>(held.integer(2));
    const auto priority = held.integer(3), turn = held.integer(4);
    given.losses = static_cast<int>(std::ranges::count(held.text(5), ','));
    held.step();
    db("INSERT INTO turns VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET turn = MAX(turn, ?3)")
        .with(given.queue, priority, turn)
        .run();
  }
  auto body = db("SELECT body FROM bodies WHERE seq = ?1");
  if (body.with(seq).step()) given.body = body.text(0);
  if (!ran_out) count(db, given.queue, -1, 1);
  return given;
}

std::vector<std::int64_t> numbers(query& rows) {
  std::vector<std::int64_t> all;
  while (rows.step()) all.push_back(rows.integer(0));
  return all;
}

bool has_facets(database& db, std::int64_t seq, const document& now) {
  auto rows = db("SELECT facet, value FROM facets WHERE seq = ?1");
  rows.with(seq);
  std::size_t found = 0;
  for (; rows.step(); ++found) {
    const auto same = now.facets.find(rows.text(0));
    if (same == now.facets.end() || same->second != rows.text(1)) return false;
  }
  return found == now.facets.size();
}

}  // namespace

std::optional<row> find(database& db, const name& what) {
  auto found =
      db("SELECT d.seq, d.token, p.state, d.ended_at IS NOT NULL FROM documents d LEFT JOIN places p ON p.seq = d.seq"
         " WHERE d.kind = ?1 AND d.id = ?2");
  if (!found.with(what.kind, what.id).step()) return {};
  return row{found.integer(0), static_cast<std::uint64_t>(found.integer(1)), found.integer(2) == 2,
             found.integer(3) != 0};
}

std::optional<admission> recognise(database& db, const std::string& kind, const idempotency& key,
                                   clock::time_point now) {
  auto known =
      db("SELECT k.kind, k.fingerprint, d.id FROM keys k JOIN documents d ON d.seq = k.seq"
         " WHERE k.key = ?1 AND k.expires_at > ?2");
  if (!known.with(key.key, now).step()) return {};
  const bool same = known.text(0) == kind && known.text(1) == key.fingerprint;
  return admission{same ? admission::kind::repeated : admission::kind::conflict, known.text(2)};
}

admission add(database& db, const name& what, const change& first, std::uint64_t most_waiting,
              const std::optional<idempotency>& key, clock::time_point now) {
  if (key)
    if (auto known = recognise(db, what.kind, *key, now)) return *known;
  if (find(db, what)) return {admission::kind::exists, what.id};
  if (first.next && most_waiting > 0) {
    auto depth = db("SELECT waiting FROM queues WHERE queue = ?1");
    if (depth.with(first.next->queue).step() && static_cast<std::uint64_t>(depth.integer(0)) >= most_waiting)
      return {admission::kind::full, {}};
  }
  std::int64_t seq = 0;
  {
    auto made = db("INSERT INTO documents(kind, id, version, token) VALUES(?1, ?2, 0, 0) RETURNING seq");
    made.with(what.kind, what.id).step();
    seq = made.integer(0);
    made.step();
  }
  write(db, seq, what.kind, first.now);
  if (first.next) enter(db, seq, *first.next, {}, now);
  for (const auto& one : first.events) tell(db, seq, one);
  if (key) {
    db("INSERT OR REPLACE INTO keys VALUES(?1, ?2, ?3, ?4, ?5)")
        .with(key->key, what.kind, key->fingerprint, seq, now + key->keep)
        .run();
  }
  return {admission::kind::added, what.id};
}

std::optional<snapshot> read(database& db, const name& what) {
  auto found =
      db("SELECT d.seq, d.version, b.body FROM documents d JOIN bodies b ON b.seq = d.seq WHERE d.kind = ?1 AND d.id = "
         "?2");
  if (!found.with(what.kind, what.id).step()) return {};
  return snapshot{found.integer(0), found.integer(1), found.text(2)};
}

bool amend(database& db, const std::string& kind, const snapshot& was, const change& next, clock::time_point now) {
  db("UPDATE documents SET token = token + 1 WHERE seq = ?1 AND version = ?2").with(was.seq, was.version).run();
  if (db.changed() == 0) return false;
  write(db, was.seq, kind, next.now);
  move(db, was.seq, next.next, now);
  for (const auto& one : next.events) tell(db, was.seq, one);
  return true;
}

bool has_work(database& db, const std::string& queue, clock::time_point now) {
  auto any =
      db("SELECT EXISTS(SELECT 1 FROM places WHERE queue = ?1 AND state = 0)"
         " OR EXISTS(SELECT 1 FROM places WHERE queue = ?1 AND state = 1 AND at <= ?2)"
         " OR EXISTS(SELECT 1 FROM places WHERE queue = ?1 AND state = 2 AND at <= ?2)");
  any.with(queue, now).step();
  return any.integer(0) != 0;
}

std::vector<claim> take(database& db, const std::string& queue, const std::string& owner, std::size_t most,
                        std::chrono::milliseconds lease, clock::time_point now) {
  std::vector<claim> given;
  const auto room = [&] { return static_cast<std::uint64_t>(most - given.size()); };
  const auto give_all = [&](query& rows, bool ran_out) {
    for (const auto seq : numbers(rows)) given.push_back(give(db, seq, owner, now + lease, ran_out));
  };
  {
    auto ran_out = db("SELECT seq FROM places WHERE queue = ?1 AND state = 2 AND at <= ?2 ORDER BY at LIMIT ?3");
    ran_out.with(queue, now, room());
    give_all(ran_out, true);
  }
  db("UPDATE places SET state = 0 WHERE queue = ?1 AND state = 1 AND at <= ?2").with(queue, now).run();
  auto first = db("SELECT seq FROM places WHERE queue = ?1 AND state = 0 ORDER BY priority DESC, turn, age LIMIT ?2");
  first.with(queue, room());
  give_all(first, false);
  return given;
}

void write(database& db, std::int64_t seq, const std::string& kind, const document& now) {
  db("UPDATE documents SET version = version + 1, ended_at = ?2 WHERE seq = ?1").with(seq, now.ended_at).run();
  db("INSERT INTO bodies VALUES(?1, ?2) ON CONFLICT DO UPDATE SET body = ?2").with(seq, now.body).run();
  if (has_facets(db, seq, now)) return;
  db("DELETE FROM facets WHERE seq = ?1").with(seq).run();
  for (const auto& [facet, value] : now.facets)
    db("INSERT INTO facets VALUES(?1, ?2, ?3, ?4)").with(kind, facet, value, seq).run();
}

void move(database& db, std::int64_t seq, const std::optional<place>& next, clock::time_point now) {
  history so_far;
  {
    auto left = db("DELETE FROM places WHERE seq = ?1 RETURNING queue, state, deaths, attempts, lost");
    if (left.with(seq).step()) {
      const auto queue = left.text(0);
      const bool held = left.integer(1) == 2;
      if (next && next->queue == queue) so_far = {left.integer(2), left.integer(3), left.text(4)};
      left.step();
      count(db, queue, held ? 0 : -1, held ? -1 : 0);
    }
  }
  if (next) enter(db, seq, *next, so_far, now);
}

void put_back(database& db, std::int64_t seq, clock::time_point not_before, bool died, clock::time_point now) {
  auto back =
      db("UPDATE places SET state = ?2, at = ?3, owner = '', deaths = deaths + ?4 WHERE seq = ?1 AND state = 2"
         " RETURNING queue");
  back.with(seq, not_before > now ? 1 : 0, not_before, died ? 1 : 0);
  if (!back.step()) return;
  const auto queue = back.text(0);
  back.step();
  count(db, queue, 1, -1);
}

settlement blame(database& db, const name& what, std::uint64_t token, clock::time_point now) {
  const auto found = find(db, what);
  if (!found) return settlement::gone;
  if (found->held && found->token == token) {
    put_back(db, found->seq, {}, true, now);
    return settlement::done;
  }
  // Of the lost ones, each with a comma after it.
  const auto mine = std::to_string(token) + ',';
  db("UPDATE places SET deaths = deaths + 1, lost = substr(replace(',' || lost, ',' || ?2, ','), 2)"
     " WHERE seq = ?1 AND instr(',' || lost, ',' || ?2) > 0")
      .with(found->seq, mine)
      .run();
  return db.changed() > 0 ? settlement::done : settlement::superseded;
}

void tell(database& db, std::int64_t seq, const event& one) {
  db("INSERT INTO document_events VALUES(?1, (SELECT COALESCE(SUM(count), 0) + 1 FROM event_counts WHERE seq = ?1), "
     "?2, "
     "?3)")
      .with(seq, one.type, one.data)
      .run();
  db("INSERT INTO event_counts VALUES(?1, ?2, 1) ON CONFLICT DO UPDATE SET count = count + 1")
      .with(seq, one.type)
      .run();
}

std::uint64_t told(database& db, std::int64_t seq, const std::string& type) {
  auto known = db("SELECT count FROM event_counts WHERE seq = ?1 AND type = ?2");
  return known.with(seq, type).step() ? static_cast<std::uint64_t>(known.integer(0)) : 0;
}

std::optional<std::uint64_t> position(database& db, const name& what, clock::time_point now) {
  auto mine =
      db("SELECT p.queue, p.priority, p.turn, p.age, p.state FROM documents d JOIN places p ON p.seq = d.seq"
         " WHERE d.kind = ?1 AND d.id = ?2");
  if (!mine.with(what.kind, what.id).step() || mine.integer(4) == 2) return {};
  // Three ranges of the index, one after the other; few are in the fourth, which became due and nobody has asked since.
  auto before =
      db("SELECT (SELECT COUNT(*) FROM places WHERE queue = ?1 AND state = 0 AND priority > ?2)"
         " + (SELECT COUNT(*) FROM places WHERE queue = ?1 AND state = 0 AND priority = ?2 AND turn < ?3)"
         " + (SELECT COUNT(*) FROM places WHERE queue = ?1 AND state = 0 AND priority = ?2 AND turn = ?3 AND age < ?4)"
         " + (SELECT COUNT(*) FROM places WHERE queue = ?1 AND state = 1 AND at <= ?5"
         "    AND (-priority, turn, age) < (-?2, ?3, ?4))");
  before.with(mine.text(0), mine.integer(1), mine.integer(2), mine.integer(3), now).step();
  return static_cast<std::uint64_t>(before.integer(0));
}

listed list(database& db, const std::string& kind, const list_filter& filter, std::int64_t before) {
  // The first facet's rows are in order already; each further one is a look-up by its whole key.
  std::string sql = "SELECT d.seq, b.body FROM ";
  for (std::size_t n = 0; n < filter.facets.size(); ++n) {
    const auto f = "f" + std::to_string(n), at = "?" + std::to_string(4 + 2 * n),
               value = "?" + std::to_string(5 + 2 * n);
    sql += (n == 0 ? "facets f0"
                   : " CROSS JOIN facets " + f + " ON " + f + ".kind = ?1 AND " + f + ".facet = " + at + " AND " + f +
                         ".value = " + value + " AND " + f + ".seq = f0.seq");
  }
  const bool by_facet = !filter.facets.empty();
  sql += by_facet ? " CROSS JOIN documents d ON d.seq = f0.seq" : "documents d";
  sql += " JOIN bodies b ON b.seq = d.seq WHERE ";
  sql += by_facet ? "f0.kind = ?1 AND f0.facet = ?4 AND f0.value = ?5 AND f0.seq < ?2 ORDER BY f0.seq DESC"
                  : "d.kind = ?1 AND d.seq < ?2 ORDER BY d.seq DESC";
  auto rows = db(sql + " LIMIT ?3");
  rows.with(kind, before, static_cast<std::uint64_t>(filter.limit) + 1);
  int at = 3;
  for (const auto& [facet, value] : filter.facets) {
    rows.bind(++at, facet);
    rows.bind(++at, value);
  }
  listed page;
  for (std::int64_t last = 0; rows.step(); last = rows.integer(0)) {
    if (page.bodies.size() == filter.limit) {
      page.next_cursor = std::to_string(last);
      break;
    }
    page.bodies.push_back(rows.text(1));
  }
  return page;
}

void forget(database& db, const name& what) {
  std::int64_t seq = 0;
  {
    auto gone =
        db("DELETE FROM documents WHERE kind = ?1 AND id = ?2"
           " AND NOT EXISTS(SELECT 1 FROM places p WHERE p.seq = documents.seq) RETURNING seq");
    if (!gone.with(what.kind, what.id).step()) return;
    seq = gone.integer(0);
    gone.step();
  }
  for (const auto* sql : {"DELETE FROM bodies WHERE seq = ?1", "DELETE FROM facets WHERE seq = ?1",
                          "DELETE FROM document_events WHERE seq = ?1", "DELETE FROM event_counts WHERE seq = ?1",
                          "DELETE FROM keys WHERE seq = ?1"})
    db(sql).with(seq).run();
}

}  // namespace lazaret::durable::tables
