#include "actors/schema.hpp"

#include <array>

#include "actors/fault_point.hpp"

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
    // Documents (actors/store/store.hpp). What a claim changes is apart from the body, which may be megabytes.
    R"sql(
  CREATE TABLE documents(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of add(), and the cursor of lists
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,               -- bodies written so far
    token INTEGER NOT NULL,                 -- the last that was given out
    ended_at INTEGER,                       -- microseconds since the epoch, as is every time below
    UNIQUE(kind, id));
  CREATE INDEX documents_by_kind ON documents(kind, seq);
  CREATE INDEX documents_ended ON documents(kind, ended_at) WHERE ended_at IS NOT NULL;
  CREATE TABLE bodies(seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE facets(
    kind TEXT NOT NULL, facet TEXT NOT NULL, value TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY(kind, facet, value, seq)) WITHOUT ROWID;
  CREATE INDEX facets_of ON facets(seq);
  CREATE TABLE places(
    seq INTEGER PRIMARY KEY,                -- the document's
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    client TEXT NOT NULL,
    turn INTEGER NOT NULL,
    age INTEGER NOT NULL,
    state INTEGER NOT NULL,                 -- 0: waits; 1: waits until `at`; 2: held until `at`
    at INTEGER NOT NULL,
    owner TEXT NOT NULL,                    -- who holds it
    deaths INTEGER NOT NULL,
    attempts INTEGER NOT NULL);
  CREATE INDEX places_order ON places(queue, priority DESC, turn, age) WHERE state = 0;
  CREATE INDEX places_later ON places(queue, at) WHERE state = 1;
  CREATE INDEX places_leases ON places(queue, at) WHERE state = 2;
  CREATE INDEX places_owners ON places(owner) WHERE state = 2;
  CREATE INDEX places_clients ON places(queue, priority, client, turn) WHERE state < 2;
  CREATE TABLE queues(
    queue TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    held INTEGER NOT NULL,
    next_age INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE turns(
    queue TEXT NOT NULL, priority INTEGER NOT NULL, turn INTEGER NOT NULL,  -- the greatest that was given out
    PRIMARY KEY(queue, priority)) WITHOUT ROWID;
  CREATE TABLE document_events(
    seq INTEGER NOT NULL, id INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY(seq, id)) WITHOUT ROWID;
  CREATE TABLE event_counts(
    seq INTEGER NOT NULL, type TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY(seq, type)) WITHOUT ROWID;
  CREATE TABLE keys(
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    seq INTEGER NOT NULL,
    expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX keys_of ON keys(seq);
  CREATE INDEX keys_by_end ON keys(expires_at);
  CREATE TABLE notes(key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX notes_by_end ON notes(expires_at);
  CREATE TABLE probe(one INTEGER PRIMARY KEY, ballast BLOB NOT NULL);
)sql",
    // Runs become documents, with the body that actors/store.cpp writes; who had not ended waits in its stage's queue.
    R"sql(
  INSERT INTO documents(seq, kind, id, version, token, ended_at)
    SELECT seq, 'run', run_id, 1, attempt, CASE WHEN next_stage IS NULL THEN COALESCE(finished_at, created_at) END
    FROM runs;
  INSERT INTO bodies SELECT seq, json_object(
      'run_id', run_id, 'status', status, 'attempt', attempt, 'next', next_stage,
      'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at,
      'submission', CASE WHEN json_valid(submission) THEN json(submission) END,
      'stages', CASE WHEN json_valid(stages) THEN json(stages) END,
      'download', CASE WHEN json_valid(download) THEN json(download) END,
      'execution', CASE WHEN json_valid(execution) THEN json(execution) END,
      'analysis', CASE WHEN json_valid(analysis) THEN json(analysis) END,
      'error', error, 'delivery', delivery, 'delivery_error', delivery_error) FROM runs;
  INSERT INTO facets SELECT 'run', 'status', status, seq FROM runs;
  INSERT INTO facets SELECT 'run', 'package', package, seq FROM runs;
  INSERT INTO facets SELECT 'run', 'verdict', verdict, seq FROM runs WHERE verdict IS NOT NULL;
  INSERT INTO places
    SELECT seq, queue, 0, client, ROW_NUMBER() OVER (PARTITION BY queue, client ORDER BY seq),
      ROW_NUMBER() OVER (PARTITION BY queue ORDER BY seq), 0, 0, '', 0, 0
    FROM (SELECT seq, COALESCE(next_stage, 'delivery') AS queue,
            CASE WHEN json_valid(submission) THEN COALESCE(json_extract(submission, '$.client'), '') ELSE '' END
              AS client
          FROM runs WHERE next_stage IS NOT NULL OR delivery = 'pending');
  INSERT INTO queues SELECT queue, COUNT(*), 0, MAX(age) FROM places GROUP BY queue;
  INSERT INTO document_events SELECT r.seq, e.id, e.type, e.data FROM events e JOIN runs r ON r.run_id = e.run_id;
  INSERT INTO event_counts SELECT seq, type, COUNT(*) FROM document_events GROUP BY seq, type;
  DROP TABLE events;
  DROP TABLE runs;
)sql",
    // Jobs become documents, with the body that actors/batch/job_document.cpp writes; who had not ended waits. A token
    // that is greater than every attempt keeps the files of new attempts apart from those of old ones.
    R"sql(
  INSERT INTO documents(kind, id, version, token, ended_at)
    SELECT 'job', id, 1, attempt, finished_at FROM jobs ORDER BY seq;
  INSERT INTO bodies SELECT d.seq, json_object(
      'id', j.id, 'front', front, 'owner', owner, 'spec', spec,
      'input', CASE WHEN json_valid(input) THEN json(input) ELSE json('[]') END,
      'status', CASE WHEN finished_at IS NULL THEN 'queued' ELSE status END, 'attempt', attempt,
      'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at, 'exit_code', exit_code,
      'error', error, 'artifacts', CASE WHEN json_valid(artifacts) THEN json(artifacts) ELSE json('[]') END,
      'log_lines', log_lines)
    FROM jobs j JOIN documents d ON d.kind = 'job' AND d.id = j.id;
  INSERT INTO places
    SELECT d.seq, 'batch', 0, owner, ROW_NUMBER() OVER (PARTITION BY owner ORDER BY j.seq),
      ROW_NUMBER() OVER (ORDER BY j.seq), 0, 0, '', 0, 0
    FROM jobs j JOIN documents d ON d.kind = 'job' AND d.id = j.id WHERE finished_at IS NULL;
  INSERT INTO queues SELECT queue, COUNT(*), 0, MAX(age) FROM places WHERE queue = 'batch' GROUP BY queue;
  DROP TABLE jobs;
)sql",
    // Deaths are told from losses. What was counted until now was mostly losses, of claims that nobody remembers.
    R"sql(
  ALTER TABLE places ADD COLUMN lost TEXT NOT NULL DEFAULT '';  -- tokens of claims that ran out, a comma after each
  UPDATE places SET lost = replace(hex(zeroblob(deaths)), '00', '0,'), deaths = 0 WHERE deaths > 0;
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
    LAZARET_FAULT_POINT("schema.step");
    writer.execute(("PRAGMA user_version = " + std::to_string(now + 1)).c_str());
    LAZARET_FAULT_POINT("schema.commit");
    change.commit();
    LAZARET_FAULT_POINT("schema.stepped");
  }
}

}  // namespace lazaret::actors
