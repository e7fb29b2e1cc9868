#include "actors/schema.hpp"

#include <array>

namespace lazaret::actors {
namespace {

/// What leads from each version to the next; an empty file has version 0. Never edit one that was released: add.
constexpr std::array steps{
    R"sql(
  CREATE TABLE runs(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of acceptance, and the cursor of lists
    run_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    package TEXT NOT NULL,                  -- PEP 503 normalised
    verdict TEXT,
    next_stage TEXT,                        -- NULL: the run has ended
    attempt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,            -- microseconds since the epoch, as are the next two
    started_at INTEGER,
    finished_at INTEGER,
    submission TEXT NOT NULL,               -- JSON, as are the next four
    stages TEXT NOT NULL,
    download TEXT,
    execution TEXT,
    analysis TEXT,
    error TEXT NOT NULL,
    delivery TEXT NOT NULL,
    delivery_error TEXT NOT NULL);
  CREATE INDEX runs_unfinished ON runs(seq) WHERE next_stage IS NOT NULL;
  CREATE INDEX runs_undelivered ON runs(seq) WHERE delivery = 'pending';
  CREATE INDEX runs_by_package ON runs(package, seq);
  CREATE INDEX runs_by_status ON runs(status, seq);
  CREATE INDEX runs_by_verdict ON runs(verdict, seq);
  CREATE TABLE events(
    run_id TEXT NOT NULL,
    id INTEGER NOT NULL,                    -- from 1 within a run
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY(run_id, id)) WITHOUT ROWID;
)sql",
    R"sql(
  CREATE TABLE jobs(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of acceptance
    id TEXT NOT NULL UNIQUE,
    front TEXT NOT NULL,                    -- who knows what the spec means
    owner TEXT NOT NULL,                    -- client address
    spec TEXT NOT NULL,                     -- JSON, as are input and artifacts
    input TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,            -- microseconds since the epoch, as are the next two
    started_at INTEGER,
    finished_at INTEGER,
    exit_code INTEGER,
    error TEXT NOT NULL,
    artifacts TEXT NOT NULL,
    log_lines INTEGER NOT NULL);
  CREATE INDEX jobs_unfinished ON jobs(seq) WHERE finished_at IS NULL;
  CREATE INDEX jobs_by_end ON jobs(finished_at) WHERE finished_at IS NOT NULL;
)sql",
};

std::size_t version_of(sqlite::connection& db) {
  sqlite::statement version{db.get(), "PRAGMA user_version"};
  version.step();
  return static_cast<std::size_t>(version.integer(0));
}

}  // namespace

void prepare_schema(sqlite::connection& writer) {
  writer.execute("PRAGMA journal_mode = WAL");
  writer.execute("PRAGMA synchronous = FULL");
  if (const auto found = version_of(writer); found > steps.size()) {
    throw sqlite::error{"the store has schema version " + std::to_string(found) + ", this program knows up to " +
                        std::to_string(steps.size()) + "; start a newer lazaretd"};
  }
  for (;;) {
    sqlite::transaction change{writer};  // the version is read inside: another connection may be at it too
    const auto now = version_of(writer);
    if (now >= steps.size()) return;
    writer.execute(steps[now]);
    writer.execute(("PRAGMA user_version = " + std::to_string(now + 1)).c_str());
    change.commit();
  }
}

}  // namespace lazaret::actors
