#include "actors/execution/recorder.hpp"

#include "tests/execution/process.hpp"

using namespace lazaret::actors;
using lazaret::actors::testing::scratch;
using lazaret::actors::testing::slurp;

namespace {

constexpr const char* start = R"x({"timestamp":"t","pid":2,"event":"lazaret.start","args":"[]","caller":null})x";
constexpr const char* ready = R"x({"timestamp":"t","pid":2,"event":"lazaret.ready","args":"()","caller":null})x";
constexpr const char* end = R"x({"event":"end","seen":1,"dropped":0})x";

}  // namespace

TEST_CASE("what the driver did before the package was there is not in the log") {
  const scratch space;
  recorder r{"install", space.path(), {}};
  auto to = r.sinks();
  to.on_audit(start);
  to.on_audit(R"x({"event":"open","args":"('/work/home/.bashrc', 'w', 0)"})x");
  to.on_audit(ready);
  to.on_audit(R"x({"event":"open","args":"('mine', 'w', 0)"})x");
  to.on_observation(end);
  phase p;
  REQUIRE(r.finish(p));
  CHECK(p.watched);
  CHECK(p.audit_events == 1);
  CHECK(slurp(space.path() / p.audit_file) == "{\"event\":\"open\",\"args\":\"('mine', 'w', 0)\"}\n");
}

TEST_CASE("a datagram can't make two lines, none, or an endless one") {
  const scratch space;
  recorder r{"install", space.path(), {}};
  auto to = r.sinks();
  to.on_audit(ready);
  to.on_audit("{\"a\":1}\n{\"b\":2}");
  to.on_audit("");
  to.on_audit(std::string(16'000, '{'));
  phase p;
  REQUIRE(r.finish(p));
  CHECK(p.audit_events == 3);
  const std::string log = slurp(space.path() / p.audit_file);
  CHECK(std::ranges::count(log, '\n') == 3);
  CHECK(log.starts_with("{\"a\":1}\x7f{\"b\":2}\n\x7f\n"));
  CHECK(log.size() < 8300);
}

TEST_CASE("a run whose witnesses were lost is not a watched one") {
  const scratch space;
  const auto watched = [&](std::vector<const char*> audit, std::vector<const char*> seen) {
    recorder r{"import", space.path(), {}};
    auto to = r.sinks();
    for (const char* line : audit) to.on_audit(line);
    for (const char* line : seen) to.on_observation(line);
    phase p;
    REQUIRE(r.finish(p));
    return p.watched;
  };
  CHECK(watched({start, ready}, {end}));
  CHECK_FALSE(watched({}, {end}));
  CHECK_FALSE(watched({start}, {end}));
  CHECK_FALSE(watched({start, ready}, {}));
  CHECK_FALSE(watched({start, ready}, {R"x({"event":"end","seen":9,"dropped":1})x"}));
}

TEST_CASE("an audit log stops growing at its cap while its events are still counted") {
  const scratch space;
  recorder r{"execute", space.path(), {}};
  auto to = r.sinks();
  to.on_audit(ready);
  const std::string line = R"x({"event":"open","args":")x" + std::string(7900, 'x') + "\"}";
  const std::uint64_t fed = recorder::most_bytes / line.size() + 100;
  for (std::uint64_t i = 0; i < fed; ++i) to.on_audit(line);
  phase p;
  REQUIRE(r.finish(p));
  CHECK(p.audit_truncated);
  CHECK(p.audit_events == fed);
  CHECK(std::filesystem::file_size(space.path() / p.audit_file) <= recorder::most_bytes);
}

TEST_CASE("a reader of live events gets objects, and not without end") {
  const scratch space;
  std::vector<std::string> shown;
  recorder r{"import", space.path(), [&](std::string json) { shown.push_back(std::move(json)); }};
  auto to = r.sinks();
  to.on_audit(ready);
  to.on_audit(R"x({"event":"import","args":"('os', None)"})x");
  to.on_observation(R"x({"t":1,"pid":2,"event":"connect","family":"inet","address":"1.2.3.4","port":443})x");
  REQUIRE(shown.size() == 1);
  CHECK(
      shown[0] ==
      R"x({"phase":"import","seen_by":"observer","observation":{"t":1,"pid":2,"event":"connect","family":"inet","address":"1.2.3.4","port":443}})x");
  for (int i = 0; i < 1000; ++i) to.on_audit(R"x({"event":"os.system","args":"('x',)"})x");
  CHECK(shown.size() == 200);
}
