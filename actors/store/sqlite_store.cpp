#include "actors/store/sqlite_store.hpp"

#include <charconv>
#include <limits>

#include "actors/fault_point.hpp"
#include "actors/schema.hpp"
#include "actors/store/bounds.hpp"
#include "actors/store/group_commit.hpp"
#include "actors/store/reader_pool.hpp"
#include "actors/store/sqlite_tables.hpp"
#include "actors/store/watchers.hpp"

namespace lazaret::durable {
namespace {

using durability = group_commit::durability;
using std::chrono::steady_clock;

constexpr const char* hint = "is there room in DATA_DIR, and may RUN_AS_USER write there?";
/// A readiness probe asks every few seconds; what was written a moment ago needs no other proof.
constexpr std::chrono::seconds proof_lasts{5};
/// After a failure only something of a document's size shows that there is room again.
constexpr int ballast_after_failure = 64 << 10;
/// What is due later than that is found by the tick.
constexpr std::chrono::minutes soon{10};

std::string describe(const name& what) { return what.kind + " " + what.id; }
std::string key_of(const name& what) { return what.kind + "/" + what.id; }

class sqlite_store final : public store {
 public:
  sqlite_store(database writer, const std::string& file)
      : readers_{file}, writer_{std::move(writer), [queues = queues_, documents = documents_](bool foreign) {
                                  queues->poke_all();
                                  if (foreign) documents->poke_all();
                                }} {}

  result<admission> add(const name& what, const change& first, std::uint64_t most_waiting,
                        const std::optional<idempotency>& key) override {
    if (auto bad = bounds::first({bounds::of(what), bounds::of(first), key ? bounds::of(*key) : bounds::broken{}}))
      return *bad;
    auto got = write("add " + describe(what), durability::synced,
                     [&](database& db) { return tables::add(db, what, first, most_waiting, key, clock::now()); });
    if (got && got->what == admission::kind::added) announce(what, first);
    return got;
  }

  std::vector<result<admission>> add_all(std::span<const addition> them) override {
    std::vector<std::optional<result<admission>>> given(them.size());
    std::vector<std::function<void(database&)>> works;
    std::vector<std::size_t> written;
    for (std::size_t i = 0; i < them.size(); ++i) {
      const auto& [what, first, most_waiting, key] = them[i];
      if (auto bad = bounds::first({bounds::of(what), bounds::of(first), key ? bounds::of(*key) : bounds::broken{}})) {
        given[i] = *bad;
        continue;
      }
      works.emplace_back([&one = them[i], &into = given[i]](database& db) {
        into = tables::add(db, one.what, one.first, one.most_waiting, one.key, clock::now());
      });
      written.push_back(i);
    }
    const auto failures = writer_.run_all(works, durability::synced);
    LAZARET_FAULT_POINT("store.added");
    for (std::size_t n = 0; n < written.size(); ++n) {
      auto& one = given[written[n]];
      if (failures[n]) one = failed("add " + describe(them[written[n]].what), *failures[n]);
      if (*one && (**one).what == admission::kind::added) announce(them[written[n]].what, them[written[n]].first);
    }
    std::vector<result<admission>> all;
    for (auto& one : given) all.push_back(std::move(*one));
    return all;
  }

  result<std::optional<admission>> recognise(const std::string& kind, const idempotency& key) override {
    if (auto bad = bounds::of(key)) return *bad;
    return read("look for a key", [&](database& db) { return tables::recognise(db, kind, key, clock::now()); });
  }

  result<settlement> amend(const name& what,
                           const std::function<std::optional<change>(const std::string&)>& decide) override {
    if (auto bad = bounds::of(what)) return *bad;
    for (;;) {
      const auto was = read("read " + describe(what), [&](database& db) { return tables::read(db, what); });
      if (!was) return was.error();
      if (!*was) return settlement::gone;
      const auto next = decide((*was)->body);
      if (!next) return settlement::superseded;
      if (auto bad = bounds::of(*next)) return *bad;
      const auto written = write("amend " + describe(what), durability::synced, [&](database& db) {
        return tables::amend(db, what.kind, **was, *next, clock::now());
      });
      if (!written) return written.error();
      if (!*written) continue;
      LAZARET_FAULT_POINT("store.amended");
      announce(what, *next);
      return settlement::done;
    }
  }

  result<std::optional<std::string>> find(const name& what) override {
    if (auto bad = bounds::of(what)) return *bad;
    return read("find " + describe(what), [&](database& db) -> std::optional<std::string> {
      auto found = tables::read(db, what);
      return found ? std::optional{std::move(found->body)} : std::nullopt;
    });
  }

  result<listed> list(const std::string& kind, const list_filter& filter) override {
    if (auto bad = bounds::first({bounds::of_kind(kind), bounds::of(filter)})) return *bad;
    auto before = std::numeric_limits<std::int64_t>::max();
    if (const auto& cursor = filter.cursor; !cursor.empty()) {
      const auto* const end = cursor.data() + cursor.size();
      const auto [at, wrong] = std::from_chars(cursor.data(), end, before);
      if (wrong != std::errc{} || at != end || before < 1)
        return sandbox::failure{"cursor", 0, "no list gave this cursor", {}};
    }
    return read("list " + kind + "s", [&](database& db) { return tables::list(db, kind, filter, before); });
  }

  result<std::vector<std::string>> ended(const std::string& kind, clock::time_point before, std::size_t most) override {
    if (auto bad = bounds::of_kind(kind)) return *bad;
    return read("look for old " + kind + "s", [&](database& db) {
      auto rows =
          db("SELECT id FROM documents d WHERE kind = ?1 AND ended_at IS NOT NULL AND ended_at < ?2"
             " AND NOT EXISTS(SELECT 1 FROM places p WHERE p.seq = d.seq) ORDER BY ended_at LIMIT ?3");
      rows.with(kind, before, static_cast<std::int64_t>(std::min<std::size_t>(most, std::size_t{1} << 31)));
      std::vector<std::string> ids;
      while (rows.step()) ids.push_back(rows.text(0));
      return ids;
    });
  }

  result<void> forget(const name& what) override {
    if (auto bad = bounds::of(what)) return *bad;
    return write_only("forget " + describe(what), durability::synced, [&](database& db) { tables::forget(db, what); });
  }

  result<std::vector<claim>> take(const std::string& queue, const std::string& owner, std::size_t most,
                                  std::chrono::milliseconds lease) override {
    if (auto bad = bounds::first({bounds::of_queue(queue), bounds::of_owner(owner), bounds::of_lease(lease)}))
      return *bad;
    if (most == 0) return std::vector<claim>{};
    // An empty queue is asked often, and costs no commit.
    const auto any = read("look at " + queue, [&](database& db) { return tables::has_work(db, queue, clock::now()); });
    if (!any) return any.error();
    if (!*any) return std::vector<claim>{};
    auto got = write("take from " + queue, durability::synced, [&](database& db) {
      return tables::take(db, queue, owner, std::min<std::size_t>(most, 10'000), lease, clock::now());
    });
    LAZARET_FAULT_POINT("store.taken");
    return got;
  }

  result<settlement> renew(const claim& held, std::chrono::milliseconds lease) override {
    if (auto bad = bounds::first({bounds::of(held.name), bounds::of_lease(lease)})) return *bad;
    // With the power every holder is gone, too: it need not wait for the disk.
    auto got = write("renew " + describe(held.name), durability::buffered, [&](database& db) {
      return tables::under(db, held, [&](const tables::row& mine) {
        db("UPDATE places SET at = ?2 WHERE seq = ?1").with(mine.seq, clock::now() + lease).run();
      });
    });
    LAZARET_FAULT_POINT("store.renewed");
    return got;
  }

  result<settlement> update(const claim& held, const document& now, std::span<const event> events) override {
    if (auto bad = bounds::first({bounds::of(held.name), bounds::of(now), bounds::of(events)})) return *bad;
    auto got = write("update " + describe(held.name), durability::synced, [&](database& db) {
      return tables::under(db, held, [&](const tables::row& mine) {
        tables::write(db, mine.seq, held.name.kind, now);
        for (const auto& one : events) tables::tell(db, mine.seq, one);
      });
    });
    LAZARET_FAULT_POINT("store.updated");
    if (got && *got == settlement::done && !events.empty()) documents_->poke(key_of(held.name));
    return got;
  }

  result<settlement> settle(const claim& held, const change& outcome) override {
    if (auto bad = bounds::first({bounds::of(held.name), bounds::of(outcome)})) return *bad;
    auto got = write("settle " + describe(held.name), durability::synced, [&](database& db) {
      return tables::under(db, held, [&](const tables::row& mine) {
        tables::write(db, mine.seq, held.name.kind, outcome.now);
        tables::move(db, mine.seq, outcome.next, clock::now());
        for (const auto& one : outcome.events) tables::tell(db, mine.seq, one);
      });
    });
    LAZARET_FAULT_POINT("store.settled");
    if (got && *got == settlement::done) announce(held.name, outcome);
    return got;
  }

  result<settlement> put_back(const claim& held, clock::time_point not_before, bool died) override {
    if (auto bad = bounds::of(held.name)) return *bad;
    auto got = write("put back " + describe(held.name), durability::synced, [&](database& db) {
      return tables::under(
          db, held, [&](const tables::row& mine) { tables::put_back(db, mine.seq, not_before, died, clock::now()); });
    });
    LAZARET_FAULT_POINT("store.put_back");
    if (got && *got == settlement::done) announce(held.queue, not_before);
    return got;
  }

  result<settlement> blame(const name& what, std::uint64_t token) override {
    if (auto bad = bounds::of(what)) return *bad;
    auto got = write("blame " + describe(what), durability::synced,
                     [&](database& db) { return tables::blame(db, what, token, clock::now()); });
    if (got && *got == settlement::done) queues_->poke_all();
    return got;
  }

  result<std::uint64_t> abandon(const std::string& owner) override {
    if (auto bad = bounds::of_owner(owner)) return *bad;
    auto got = write("abandon what " + owner + " held", durability::synced, [&](database& db) {
      db("UPDATE places SET at = 0 WHERE owner = ?1 AND state = 2").with(owner).run();
      return static_cast<std::uint64_t>(db.changed());
    });
    LAZARET_FAULT_POINT("store.abandoned");
    if (got && *got > 0) queues_->poke_all();
    return got;
  }

  result<queue_depth> depth(const std::string& queue) override {
    if (auto bad = bounds::of_queue(queue)) return *bad;
    return read("count " + queue, [&](database& db) {
      auto row = db("SELECT waiting, held FROM queues WHERE queue = ?1");
      if (!row.with(queue).step()) return queue_depth{};
      return queue_depth{static_cast<std::uint64_t>(row.integer(0)), static_cast<std::uint64_t>(row.integer(1))};
    });
  }

  result<std::optional<std::uint64_t>> position(const name& what) override {
    if (auto bad = bounds::of(what)) return *bad;
    return read("find the place of " + describe(what),
                [&](database& db) { return tables::position(db, what, clock::now()); });
  }

  std::unique_ptr<subscription> watch_queue(const std::string& queue, std::function<void()> poke) override {
    return queues_->add(queue, std::move(poke));
  }

  result<void> append(const name& what, const event& one, std::uint64_t most) override {
    if (auto bad = bounds::first({bounds::of(what), bounds::of(std::span{&one, 1})})) return *bad;
    auto told = write("append to " + describe(what), durability::buffered, [&](database& db) {
      const auto found = tables::find(db, what);
      if (!found || found->ended || tables::told(db, found->seq, one.type) >= most) return false;
      tables::tell(db, found->seq, one);
      return true;
    });
    if (!told) return told.error();
    LAZARET_FAULT_POINT("store.appended");
    if (*told) documents_->poke(key_of(what));
    return {};
  }

  result<std::vector<numbered_event>> events(const name& what, std::uint64_t after, std::size_t limit) override {
    if (auto bad = bounds::of(what)) return *bad;
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return read("read events of " + describe(what), [&](database& db) {
      auto rows =
          db("SELECT e.id, e.type, e.data FROM document_events e WHERE e.id > ?3 AND"
             " e.seq = (SELECT seq FROM documents WHERE kind = ?1 AND id = ?2) ORDER BY e.id LIMIT ?4");
      rows.with(what.kind, what.id, std::min(after, most), std::min<std::uint64_t>(limit, most));
      std::vector<numbered_event> found;
      while (rows.step()) found.push_back({static_cast<std::uint64_t>(rows.integer(0)), rows.text(1), rows.text(2)});
      return found;
    });
  }

  std::unique_ptr<subscription> watch_events(const name& what, std::function<void()> poke) override {
    return documents_->add(key_of(what), std::move(poke));
  }

  result<void> remember(const std::string& key, const std::string& value, std::chrono::seconds keep) override {
    if (auto bad = bounds::of_note(key, value, keep)) return *bad;
    return write_only("remember a note", durability::synced, [&](database& db) {
      db("INSERT OR REPLACE INTO notes VALUES(?1, ?2, ?3)").with(key, value, clock::now() + keep).run();
    });
  }

  result<std::optional<std::string>> recall(const std::string& key) override {
    if (auto bad = bounds::of_note(key)) return *bad;
    return read("recall a note", [&](database& db) -> std::optional<std::string> {
      auto found = db("SELECT value FROM notes WHERE key = ?1 AND expires_at > ?2");
      return found.with(key, clock::now()).step() ? std::optional{found.text(0)} : std::nullopt;
    });
  }

  std::optional<std::string> trouble() override {
    const bool failed = writer_.trouble().has_value();
    if (!failed && steady_clock::now() - writer_.last_success() < proof_lasts) return {};
    const auto why = writer_.run(
        [&](database& db) {
          db("INSERT OR REPLACE INTO probe VALUES(1, zeroblob(?1))").with(failed ? ballast_after_failure : 1).run();
        },
        durability::synced);
    return why ? std::optional{"the store can't be written: " + *why} : std::nullopt;
  }

  result<std::size_t> tidy(std::size_t most) override {
    return write("forget what has expired", durability::synced, [&](database& db) {
      std::size_t gone = 0;
      for (const auto* sql : {"DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE expires_at <= ?1 ORDER BY "
                              "expires_at LIMIT ?2)",
                              "DELETE FROM keys WHERE key IN (SELECT key FROM keys WHERE expires_at <= ?1 ORDER BY "
                              "expires_at LIMIT ?2)"}) {
        db(sql).with(clock::now(), static_cast<std::uint64_t>(std::min<std::size_t>(most, 1u << 20) - gone)).run();
        gone += db.changed();
      }
      return gone;
    });
  }

 private:
  template <class Work>
  auto write(const std::string& what, durability how, const Work& work)
      -> result<decltype(work(std::declval<database&>()))> {
    std::optional<decltype(work(std::declval<database&>()))> got;
    if (const auto why = writer_.run([&](database& db) { got = work(db); }, how)) return failed(what, *why);
    return std::move(*got);
  }
  template <class Work>
  result<void> write_only(const std::string& what, durability how, const Work& work) {
    if (const auto why = writer_.run(work, how)) return failed(what, *why);
    return {};
  }
  template <class Work>
  auto read(const std::string& what, const Work& work) -> result<decltype(work(std::declval<database&>()))> {
    try {
      return readers_.with(work);
    } catch (const std::exception& e) {
      return failed(what, e.what());
    }
  }
  static sandbox::failure failed(const std::string& what, const std::string& why) {
    return {"store", 0, what + ": " + why, hint};
  }

  void announce(const name& what, const change& written) {
    if (!written.events.empty()) documents_->poke(key_of(what));
    if (written.next) announce(written.next->queue, written.next->not_before);
  }
  void announce(const std::string& queue, clock::time_point not_before) {
    const auto now = clock::now();
    if (not_before <= now)
      queues_->poke(queue);
    else if (not_before < now + soon)
      writer_.call_at(not_before, [queues = queues_, queue] { queues->poke(queue); });
  }

  std::shared_ptr<watchers> queues_ = std::make_shared<watchers>(), documents_ = std::make_shared<watchers>();
  reader_pool readers_;
  group_commit writer_;
};

}  // namespace

result<std::unique_ptr<store>> open_sqlite_store(const std::filesystem::path& file) {
  try {
    database writer{file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    actors::prepare_schema(writer.raw());
    return std::make_unique<sqlite_store>(std::move(writer), file.string());
  } catch (const std::exception& e) {
    return sandbox::failure{"open_store", 0, file.string() + ": " + e.what(), "is DATA_DIR writable by RUN_AS_USER?"};
  }
}

}  // namespace lazaret::durable
