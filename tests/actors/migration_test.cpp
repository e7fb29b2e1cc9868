/// Files that earlier versions wrote are carried over whole. The tables below are what those versions made: never edit.

#include <catch2/catch.hpp>

#include "actors/batch/ledger.hpp"
#include "actors/sqlite.hpp"
#include "actors/store.hpp"
#include "actors/store/sqlite_store.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::actors;
using lazaret::testing::temporary_folder;

namespace {

constexpr const char* version_1 = R"sql(
  PRAGMA journal_mode = WAL;
  CREATE TABLE runs(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, package TEXT NOT NULL,
    verdict TEXT, next_stage TEXT, attempt INTEGER NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER,
    finished_at INTEGER, submission TEXT NOT NULL, stages TEXT NOT NULL, download TEXT, execution TEXT, analysis TEXT,
    error TEXT NOT NULL, delivery TEXT NOT NULL, delivery_error TEXT NOT NULL);
  CREATE INDEX runs_unfinished ON runs(seq) WHERE next_stage IS NOT NULL;
  CREATE INDEX runs_undelivered ON runs(seq) WHERE delivery = 'pending';
  CREATE INDEX runs_by_package ON runs(package, seq);
  CREATE INDEX runs_by_status ON runs(status, seq);
  CREATE INDEX runs_by_verdict ON runs(verdict, seq);
  CREATE TABLE events(run_id TEXT NOT NULL, id INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY(run_id, id)) WITHOUT ROWID;
  INSERT INTO runs VALUES
    (3, 'done', 'completed', 'six', 'benign', NULL, 4, 1700000000000000, 1700000001000000, 1700000002000000,
     '{"frontend":"triage","client":"10.0.0.1","ecosystem":"pypi","package_name":"Six",
       "version":"1.0","mode":"full","file_path":null,"entrypoint":null,"module_name":null}',
     '[]', NULL, NULL, '{"verdict":"benign","score":7,"findings":[],"highlights":{"files_written":[],"files_read":[],
       "network":[],"subprocesses":[],"top_events":[]},"uncovered":[],"summary":"fine"}',
     '', 'none', ''),
    (5, 'held', 'running', 'idna', NULL, 'execution', 2, 1700000003000000, 1700000004000000, NULL,
     '{"frontend":"triage","client":"10.0.0.1","ecosystem":"pypi","package_name":"idna",
       "version":"2.0","mode":"install","file_path":null,"entrypoint":null,"module_name":null}', '[]', NULL, NULL, NULL, '', 'none', ''),
    (6, 'waits', 'queued', 'toml', NULL, 'download', 0, 1700000005000000, NULL, NULL,
     '{"frontend":"triage","client":"10.0.0.2","ecosystem":"pypi","package_name":"toml",
       "version":"3.0","mode":"install","file_path":null,"entrypoint":null,"module_name":null}', '[]', NULL, NULL, NULL, '', 'none', ''),
    (7, 'undelivered', 'failed', 'bad', NULL, NULL, 4, 1700000006000000, NULL, 1700000007000000,
     '{"frontend":"triage","client":"10.0.0.2","ecosystem":"pypi","package_name":"bad",
       "version":"3.0","mode":"install","file_path":null,"entrypoint":null,"module_name":null}', '[]', NULL, NULL, NULL,
     CAST(x'6e6f20ff706970' AS TEXT), 'pending', '');
  INSERT INTO events VALUES('done', 1, 'status', '{"status":"queued"}'), ('done', 2, 'observation', '{}'),
    ('done', 3, 'end', '{}'), ('waits', 1, 'status', '{"status":"queued"}'), ('nobody', 1, 'status', '{}');
  PRAGMA user_version = 1;
)sql";
constexpr const char* version_2 = R"sql(
  CREATE TABLE jobs(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, front TEXT NOT NULL, owner TEXT NOT NULL,
    spec TEXT NOT NULL, input TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL,
    created_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, exit_code INTEGER, error TEXT NOT NULL,
    artifacts TEXT NOT NULL, log_lines INTEGER NOT NULL);
  CREATE INDEX jobs_unfinished ON jobs(seq) WHERE finished_at IS NULL;
  CREATE INDEX jobs_by_end ON jobs(finished_at) WHERE finished_at IS NOT NULL;
  INSERT INTO jobs VALUES
    (1, 'job-1', 'jobs', '10.0.0.1', '{"entry":"a\u00e9"}', '[["code","main.py",0,5],["input","b\"",5,0]]', 'running', 3,
     1700000000000000, 1700000001000000, NULL, NULL, '', '[]', 0),
    (2, 'job-2', 'executions', '10.0.0.1', '{}', '[["body","",0,9]]', 'succeeded', 1, 1700000000000000,
     1700000001000000, 1700000002000000, 0, '', '[["","answer",0,77]]', 4),
    (3, 'job-3', 'jobs', '10.0.0.1', '{}', '[]', 'queued', 0, 1700000000000000, NULL, NULL, NULL, '', 'no json', 0),
    (4, 'job-4', 'jobs', '10.0.0.2', '{}', '[]', 'queued', 0, 1700000000000000, NULL, NULL, NULL, '', '[]', 0);
  PRAGMA user_version = 2;
)sql";

std::vector<std::string> ids(const std::vector<held_run>& runs) {
  std::vector<std::string> all;
  for (const auto& one : runs) all.push_back(one.what.run_id);
  return all;
}

}  // namespace

TEST_CASE("runs, their events and jobs of an earlier version are carried over, and go on where they were") {
  temporary_folder data;
  const auto file = data.path() / "store.sqlite";
  const int version = GENERATE(1, 2);
  {
    sqlite::connection old{file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    old.execute(version_1);
    if (version == 2) old.execute(version_2);
  }
  auto runs = open_sqlite_store(file).value();
  const auto done = runs->find("done");
  REQUIRE(done);
  CHECK(done->status == status::completed);
  CHECK(done->asked.package_name == "Six");
  CHECK(done->asked.mode == mode::full);
  REQUIRE(done->analysis);
  CHECK(done->analysis->score == 7);
  CHECK(iso8601(*done->finished_at) == "2023-11-14T22:13:22.000Z");
  const auto told = runs->events("done", 0, 10);
  REQUIRE(told.size() == 3);
  CHECK(told[2].id == 3);
  CHECK(told[2].type == "end");
  REQUIRE(runs->observe("done", "{}"));
  CHECK(runs->events("done", 3, 10).empty());  // it has ended

  run_filter all, benign, packages;
  benign.verdict = verdict::benign;
  packages.package = "IDNA";
  const auto listed = runs->list(all);
  REQUIRE(listed->runs.size() == 4);
  CHECK(listed->runs.front().run_id == "undelivered");
  CHECK(listed->runs.back().run_id == "done");
  CHECK(runs->list(benign)->runs.size() == 1);
  CHECK(runs->list(packages)->runs.at(0).run_id == "held");

  const auto held = runs->take("execution", "queue", 9, std::chrono::seconds{60}).value();
  CHECK(ids(held) == std::vector<std::string>{"held"});
  CHECK(held.at(0).claim.token > 2);
  CHECK(ids(runs->take("download", "queue", 9, std::chrono::seconds{60}).value()) == std::vector<std::string>{"waits"});
  CHECK(ids(runs->take("delivery", "courier", 9, std::chrono::seconds{60}).value()) ==
        std::vector<std::string>{"undelivered"});

  runs.reset();
  batch::ledger jobs{durable::open_sqlite_store(file).value(), "node"};
  if (version == 1) {
    CHECK(jobs.take(9, std::chrono::seconds{60}).value().empty());
    return;
  }
  const auto over = jobs.find("job-2").value();
  REQUIRE(over);
  CHECK((over->front == "executions" && over->status == batch::status::succeeded && over->exit_code == 0));
  CHECK((over->attempt == 1 && over->log_lines == 4 && over->input.size() == 1));
  REQUIRE(over->artifacts.size() == 1);
  CHECK((over->artifacts[0].name == "answer" && over->artifacts[0].size == 77));
  CHECK(iso8601(*over->finished_at) == "2023-11-14T22:13:22.000Z");
  CHECK(jobs.ended(durable::clock::now(), 9).value() == std::vector<std::string>{"job-2"});

  CHECK(jobs.depth()->waiting == 3);
  const auto waited = jobs.take(9, std::chrono::seconds{60}).value();
  std::vector<std::string> order;
  for (const auto& one : waited) order.push_back(one.what.id);
  CHECK(order == std::vector<std::string>{"job-1", "job-4", "job-3"});
  CHECK(waited[0].claim.token > 3);  // its files are apart from those of the attempts before
  CHECK(waited[0].what.status == batch::status::queued);
  CHECK(waited[0].what.spec == "{\"entry\":\"a\\u00e9\"}");
  REQUIRE(waited[0].what.input.size() == 2);
  CHECK((waited[0].what.input[1].name == "b\"" && waited[0].what.input[1].offset == 5));
}

TEST_CASE("a file of a newer version is refused by whoever opens it") {
  temporary_folder data;
  const auto file = data.path() / "store.sqlite";
  sqlite::connection{file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}.execute("PRAGMA user_version = 99");
  CHECK(open_sqlite_store(file).has_error());
}
