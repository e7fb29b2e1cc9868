#include "actors/batch/job_store.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <mutex>

#include "actors/schema.hpp"
#include "actors/sqlite.hpp"

namespace lazaret::batch {
namespace {

namespace json = boost::json;
namespace sqlite = actors::sqlite;
using std::chrono::system_clock;

constexpr std::string_view columns =
    "id, front, owner, spec, input, status, attempt, created_at, started_at, finished_at, exit_code, error, artifacts, "
    "log_lines";

std::int64_t micros(job::time t) {
  return std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count();
}
job::time from_micros(std::int64_t n) { return job::time{std::chrono::microseconds{n}}; }
std::optional<std::int64_t> micros(const std::optional<job::time>& t) {
  return t ? std::optional{micros(*t)} : std::nullopt;
}

std::string write(const std::vector<kept_file>& files) {
  json::array list;
  for (const auto& file : files) list.push_back({file.role, file.name, file.offset, file.size});
  return json::serialize(list);
}

/// Nothing for what write() didn't write.
std::vector<kept_file> read_files(const std::string& text) {
  std::vector<kept_file> files;
  boost::system::error_code bad;
  const auto list = json::parse(text, bad);
  if (bad || !list.is_array()) return files;
  for (const auto& item : list.get_array()) {
    const auto* row = item.if_array();
    if (row == nullptr || row->size() != 4) return {};
    const auto *role = (*row)[0].if_string(), *name = (*row)[1].if_string();
    boost::system::error_code no_offset, no_size;
    const auto offset = (*row)[2].to_number<std::uint64_t>(no_offset),
               size = (*row)[3].to_number<std::uint64_t>(no_size);
    if (role == nullptr || name == nullptr || no_offset || no_size) return {};
    files.push_back({{role->data(), role->size()}, {name->data(), name->size()}, offset, size});
  }
  return files;
}

job read_job(const sqlite::statement& row) {
  job j;
  j.id = row.text(0);
  j.front = row.text(1);
  j.owner = row.text(2);
  j.spec = row.text(3);
  j.input = read_files(row.text(4));
  j.status = parse_status(row.text(5)).value_or(status::failed);
  j.attempt = static_cast<int>(row.integer(6));
  j.created_at = from_micros(row.integer(7));
  if (!row.is_null(8)) j.started_at = from_micros(row.integer(8));
  if (!row.is_null(9)) j.finished_at = from_micros(row.integer(9));
  if (!row.is_null(10)) j.exit_code = static_cast<int>(row.integer(10));
  j.error = row.text(11);
  j.artifacts = read_files(row.text(12));
  j.log_lines = static_cast<std::uint64_t>(row.integer(13));
  return j;
}

class sqlite_job_store final : public job_store {
 public:
  explicit sqlite_job_store(const std::string& file)
      : writer_{file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}, reader_{prepare(file), SQLITE_OPEN_READWRITE} {}

  sandbox::result<void> save(const job& j) override {
    try {
      const std::scoped_lock lock{writing_};
      std::optional<std::int64_t> code;
      if (j.exit_code) code = *j.exit_code;
      upsert_.bind(1, j.id)
          .bind(2, j.front)
          .bind(3, j.owner)
          .bind(4, j.spec)
          .bind(5, write(j.input))
          .bind(6, name(j.status))
          .bind(7, std::int64_t{j.attempt})
          .bind(8, micros(j.created_at))
          .bind(9, micros(j.started_at))
          .bind(10, micros(j.finished_at))
          .bind(11, code)
          .bind(12, j.error)
          .bind(13, write(j.artifacts))
          .bind(14, static_cast<std::int64_t>(j.log_lines))
          .run();
      return {};
    } catch (const sqlite::error& e) {
      return sandbox::failure{"store", 0, "save job " + j.id + ": " + e.what(), {}};
    }
  }

  std::optional<job> find(const std::string& id) override {
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(), "SELECT " + std::string{columns} + " FROM jobs WHERE id = ?"};
    return query.bind(1, id).step() ? std::optional{read_job(query)} : std::nullopt;
  }

  std::vector<job> unfinished() override {
    const std::scoped_lock lock{reading_};
    sqlite::statement query{reader_.get(),
                            "SELECT " + std::string{columns} + " FROM jobs WHERE finished_at IS NULL ORDER BY seq"};
    std::vector<job> found;
    while (query.step()) found.push_back(read_job(query));
    return found;
  }

  sandbox::result<std::vector<std::string>> forget(job::time ended_before, std::size_t most) override {
    try {
      const std::scoped_lock lock{writing_};
      std::vector<std::string> gone;
      sqlite::statement query{writer_.get(),
                              "DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE finished_at IS NOT NULL AND "
                              "finished_at < ? ORDER BY finished_at LIMIT ?) RETURNING id"};
      query.bind(1, micros(ended_before)).bind(2, static_cast<std::int64_t>(most));
      while (query.step()) gone.push_back(query.text(0));
      return gone;
    } catch (const sqlite::error& e) {
      return sandbox::failure{"store", 0, std::string{"forget old jobs: "} + e.what(), {}};
    }
  }

 private:
  /// Before a statement is made for tables that may not be there yet.
  const std::string& prepare(const std::string& file) {
    actors::prepare_schema(writer_);
    return file;
  }

  sqlite::connection writer_;
  sqlite::connection reader_;
  std::mutex writing_, reading_;
  sqlite::statement upsert_{writer_.get(), R"sql(
    INSERT INTO jobs(id, front, owner, spec, input, status, attempt, created_at, started_at, finished_at, exit_code,
                     error, artifacts, log_lines)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT(id) DO UPDATE SET
      status = ?6, attempt = ?7, started_at = ?9, finished_at = ?10, exit_code = ?11, error = ?12, artifacts = ?13,
      log_lines = ?14)sql"};
};

}  // namespace

sandbox::result<std::unique_ptr<job_store>> open_job_store(const std::filesystem::path& file) {
  try {
    return std::make_unique<sqlite_job_store>(file.string());
  } catch (const sqlite::error& e) {
    return sandbox::failure{"open_job_store", 0, file.string() + ": " + e.what(),
                            "is DATA_DIR writable by RUN_AS_USER?"};
  }
}

}  // namespace lazaret::batch
