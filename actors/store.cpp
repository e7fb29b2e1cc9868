#include "actors/store.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <mutex>

#include "actors/event_hub.hpp"
#include "actors/json.hpp"
#include "actors/names.hpp"
#include "actors/schema.hpp"
#include "actors/sqlite.hpp"

namespace lazaret::actors {
namespace {

using std::chrono::system_clock;
namespace json = boost::json;

constexpr std::string_view columns =
    "seq, run_id, status, next_stage, attempt, created_at, started_at, finished_at, submission, stages, download, "
    "execution, analysis, error, delivery, delivery_error";

std::int64_t micros(system_clock::time_point t) {
  return std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count();
}
system_clock::time_point from_micros(std::int64_t n) { return system_clock::time_point{std::chrono::microseconds{n}}; }

template <class T>
std::optional<std::string> dump(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return json::serialize(to_json(*value));
}

template <class T>
std::optional<T> load(const sqlite::statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  boost::system::error_code bad;
  const auto document = json::parse(row.text(column), bad);
  return bad ? std::nullopt : from_json<T>(document);
}

run read_run(const sqlite::statement& row) {
  run r;
  r.run_id = row.text(1);
  r.status = parse<status>(row.text(2)).value_or(status::failed);
  r.created_at = from_micros(row.integer(5));
  if (!row.is_null(6)) r.started_at = from_micros(row.integer(6));
  if (!row.is_null(7)) r.finished_at = from_micros(row.integer(7));
  r.asked = load<submission>(row, 8).value_or(submission{});
  boost::system::error_code bad;
  if (const auto stages = json::parse(row.text(9), bad); !bad && stages.is_array()) {
    for (const auto& stage : stages.get_array()) {
      if (auto timing = from_json<stage_timing>(stage)) r.stages.push_back(std::move(*timing));
    }
  }
  r.download = load<download_result>(row, 10);
  r.execution = load<execution_result>(row, 11);
  r.analysis = load<analysis_result>(row, 12);
  r.error = row.text(13);
  r.delivery = parse<delivery_status>(row.text(14)).value_or(delivery_status::none);
  r.delivery_error = row.text(15);
  return r;
}

/// Two connections: one that writes, one that reads beside it (WAL: readers never wait for the writer).
class sqlite_store final : public store {
 public:
  explicit sqlite_store(const std::string& file)
      : writer_{file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}, reader_{prepare_file(file), SQLITE_OPEN_READWRITE} {}

  sandbox::result<void> save(const run& r, std::optional<work_stage> next, int attempt,
                             std::span<const new_event> events) override {
    auto done = guarded("save run " + r.run_id, [&] {
      const std::scoped_lock lock{writing_};
      sqlite::transaction change{writer_};
      json::array stages;
      for (const auto& timing : r.stages) stages.push_back(to_json(timing));
      std::optional<std::string_view> next_name, verdict_name;
      if (next) next_name = name(*next);
      if (r.analysis) verdict_name = name(r.analysis->verdict);
      std::optional<std::int64_t> started, finished;
      if (r.started_at) started = micros(*r.started_at);
      if (r.finished_at) finished = micros(*r.finished_at);
      upsert_.bind(1, r.run_id)
          .bind(2, name(r.status))
          .bind(3, normalise_name(r.asked.package_name))
          .bind(4, verdict_name)
          .bind(5, next_name)
          .bind(6, std::int64_t{attempt})
          .bind(7, micros(r.created_at))
          .bind(8, started)
          .bind(9, finished)
          .bind(10, json::serialize(to_json(r.asked)))
          .bind(11, json::serialize(stages))
          .bind(12, dump(r.download))
          .bind(13, dump(r.execution))
          .bind(14, dump(r.analysis))
          .bind(15, r.error)
          .bind(16, name(r.delivery))
          .bind(17, r.delivery_error)
          .run();
      for (const auto& event : events) append(r.run_id, event.type, event.data);
      change.commit();
    });
    if (done && !events.empty()) hub_->poke(r.run_id);
    return done;
  }

  sandbox::result<void> observe(const std::string& run_id, std::string data) override {
    auto done = guarded("note an observation of run " + run_id, [&] {
      const std::scoped_lock lock{writing_};
      sqlite::statement count{writer_.get(), "SELECT COUNT(*) FROM events WHERE run_id = ? AND type = 'observation'"};
      if (count.bind(1, run_id).step() && static_cast<std::uint64_t>(count.integer(0)) >= max_observations) return;
      // A live view that the report does not need: it may be lost with the power, so it need not wait for the disk.
      writer_.execute("PRAGMA synchronous = NORMAL");
      append(run_id, "observation", data);
      writer_.execute("PRAGMA synchronous = FULL");
    });
    if (done) hub_->poke(run_id);
    return done;
  }

  sandbox::result<void> set_delivery(const std::string& run_id, delivery_status status,
                                     const std::string& error) override {
    return guarded("note the delivery of run " + run_id, [&] {
      const std::scoped_lock lock{writing_};
      sqlite::statement{writer_.get(), "UPDATE runs SET delivery = ?, delivery_error = ? WHERE run_id = ?"}
          .bind(1, name(status))
          .bind(2, error)
          .bind(3, run_id)
          .run();
    });
  }

  std::optional<run> find(const std::string& run_id) override {
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(), "SELECT " + std::string{columns} + " FROM runs WHERE run_id = ?"};
    if (!query.bind(1, run_id).step()) return std::nullopt;
    return read_run(query);
  }

  std::optional<run_page> list(const run_filter& filter) override {
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    if (!filter.cursor.empty()) {
      const auto* const end = filter.cursor.data() + filter.cursor.size();
      const auto [at, bad] = std::from_chars(filter.cursor.data(), end, before);
      if (bad != std::errc{} || at != end || before < 1) return std::nullopt;
    }
    std::string sql = "SELECT " + std::string{columns} + " FROM runs WHERE seq < ?1";
    if (filter.status) sql += " AND status = ?2";
    if (filter.package) sql += " AND package = ?3";
    if (filter.verdict) sql += " AND verdict = ?4";
    sql += " ORDER BY seq DESC LIMIT ?5";
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(), sql};
    query.bind(1, before).bind(5, static_cast<std::int64_t>(filter.limit) + 1);
    if (filter.status) query.bind(2, name(*filter.status));
    if (filter.package) query.bind(3, normalise_name(*filter.package));
    if (filter.verdict) query.bind(4, name(*filter.verdict));
    run_page page;
    std::int64_t last = 0;
    while (query.step()) {
      if (page.runs.size() == filter.limit) {
        page.next_cursor = std::to_string(last);
        break;
      }
      last = query.integer(0);
      page.runs.push_back(read_run(query));
    }
    return page;
  }

  std::vector<run_event> events(const std::string& run_id, std::uint64_t after, std::size_t limit) override {
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(),
                            "SELECT id, type, data FROM events WHERE run_id = ? AND id > ? ORDER BY id LIMIT ?"};
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    query.bind(1, run_id)
        .bind(2, static_cast<std::int64_t>(std::min(after, most)))
        .bind(3, static_cast<std::int64_t>(limit));
    std::vector<run_event> found;
    while (query.step()) {
      found.push_back({static_cast<std::uint64_t>(query.integer(0)), query.text(1), query.text(2)});
    }
    return found;
  }

  std::vector<unfinished_run> unfinished() override {
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(),
                            "SELECT " + std::string{columns} + " FROM runs WHERE next_stage IS NOT NULL ORDER BY seq"};
    std::vector<unfinished_run> found;
    while (query.step()) {
      found.push_back({read_run(query), parse<work_stage>(query.text(3)).value_or(work_stage::download),
                       static_cast<int>(query.integer(4))});
    }
    return found;
  }

  std::vector<std::string> undelivered() override {
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(), "SELECT run_id FROM runs WHERE delivery = 'pending' AND next_stage IS NULL"};
    std::vector<std::string> found;
    while (query.step()) found.push_back(query.text(0));
    return found;
  }

  std::unique_ptr<subscription> subscribe(const std::string& run_id, std::function<void()> poke) override {
    return hub_->subscribe(run_id, std::move(poke));
  }

 private:
  /// Runs before the reader and the statements are made: the schema must be there for them.
  const std::string& prepare_file(const std::string& file) {
    prepare_schema(writer_);
    return file;
  }

  void append(const std::string& run_id, std::string_view type, std::string_view data) {
    append_.bind(1, run_id).bind(2, type).bind(3, data).run();
  }

  template <class Work>
  static sandbox::result<void> guarded(std::string what, const Work& work) {
    try {
      work();
      return {};
    } catch (const sqlite::error& e) {
      return sandbox::failure{"store", 0, std::move(what) + ": " + e.what(), {}};
    }
  }

  sqlite::connection writer_;
  sqlite::connection reader_;
  std::mutex writing_, reading_;
  std::shared_ptr<event_hub> hub_ = std::make_shared<event_hub>();
  sqlite::statement upsert_{writer_.get(), R"sql(
    INSERT INTO runs(run_id, status, package, verdict, next_stage, attempt, created_at, started_at, finished_at,
                     submission, stages, download, execution, analysis, error, delivery, delivery_error)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT(run_id) DO UPDATE SET
      status = ?2, verdict = ?4, next_stage = ?5, attempt = ?6, started_at = ?8, finished_at = ?9, stages = ?11,
      download = ?12, execution = ?13, analysis = ?14, error = ?15, delivery = ?16, delivery_error = ?17)sql"};
  sqlite::statement append_{writer_.get(), R"sql(
    INSERT INTO events(run_id, id, type, data)
    SELECT ?1, COALESCE(MAX(id), 0) + 1, ?2, ?3 FROM events WHERE run_id = ?1)sql"};
};

}  // namespace

sandbox::result<std::unique_ptr<store>> open_sqlite_store(const std::filesystem::path& file) {
  try {
    return std::make_unique<sqlite_store>(file.string());
  } catch (const sqlite::error& e) {
    return sandbox::failure{"open_store", 0, file.string() + ": " + e.what(), "is DATA_DIR writable by RUN_AS_USER?"};
  }
}

}  // namespace lazaret::actors
