#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "actors/report/webhook.hpp"
#include "tests/report/sample.hpp"

using namespace sample;
using namespace lazaret::report;
namespace json = boost::json;

namespace {

std::size_t utf16(std::string_view text) {
  std::size_t n = 0;
  for (const unsigned char c : text) n += ((c & 0xC0) != 0x80) + (c >= 0xF0);
  return n;
}

json::object embed_of(const actors::run& r, const std::vector<attachment>& with = {},
                      const std::vector<attachment>& without = {}) {
  return json::parse(discord_payload(r, with, without)).at("embeds").at(0).as_object();
}

std::string field(const json::object& embed, std::string_view name) {
  for (const auto& f : embed.at("fields").as_array())
    if (f.at("name").as_string() == name) return std::string{f.at("value").as_string()};
  return "(missing)";
}

void require_limits(const json::object& embed) {
  const auto text = [&](const char* key) { return std::string_view{embed.at(key).as_string()}; };
  std::size_t total = utf16(text("title")) + utf16(text("description"));
  REQUIRE((!text("title").empty() && utf16(text("title")) <= 256));
  REQUIRE(utf16(text("description")) <= 4096);
  REQUIRE(embed.at("fields").as_array().size() <= 25);
  for (const auto& f : embed.at("fields").as_array()) {
    const auto value = std::string_view{f.at("value").as_string()};
    REQUIRE((!value.empty() && utf16(value) <= 1024));
    total += utf16(value) + utf16(f.at("name").as_string());
  }
  REQUIRE(total <= 6000);
}

}  // namespace

TEST_CASE("The message has the contract's fields in Discord's form") {
  const auto e = embed_of(ordinary_run());
  CHECK(e.at("title") == "requests 2.28.1: benign");
  CHECK(e.at("color") == 0x2ECC71);
  for (const auto* name : {"Run ID", "Status", "Mode", "Package", "Version", "Timed Out", "Output", "Run Details",
                           "Files Written", "Network Connections", "Verdict", "Score"})
    CHECK(field(e, name) != "(missing)");
  CHECK(field(e, "Package") == "`requests`");
  CHECK(field(e, "Output") == "stdout=20B stderr=20B");
  CHECK_THAT(std::string{e.at("description").as_string()}, Catch::StartsWith("```\nbenign (score 0): install ok\n```"));
}

TEST_CASE("The colour says benign, bad or timed out") {
  auto r = ordinary_run();
  r.execution->phases[0].timed_out = true;
  CHECK(embed_of(r).at("color") == 0xF39C12);
  CHECK(field(embed_of(r), "Timed Out") == "yes");
  r.analysis->verdict = actors::verdict::malicious;
  CHECK(embed_of(r).at("color") == 0xE74C3C);
  r = ordinary_run(), r.status = actors::status::failed;
  CHECK(embed_of(r).at("color") == 0xE74C3C);
}

TEST_CASE("Discord's limits hold whatever a package is called and does") {
  for (const std::string& text : {std::string(20'000, 'x'), std::string(20'000, '`'), std::string(20'000, '*'),
                                  std::string(), std::string("\xff\xfe", 2), std::string(5'000, '\x01')}) {
    require_limits(embed_of(run_of(text, 500)));
    require_limits(embed_of(run_of(text, 0)));
  }
  std::string snakes;
  for (int i = 0; i < 5000; ++i) snakes += "🐍";
  require_limits(embed_of(run_of(snakes, 40)));
  require_limits(embed_of(actors::run{}));
}

TEST_CASE("A list is cut at ten items and a thousand characters and says how many more") {
  auto r = ordinary_run();
  r.analysis->highlights.files_written.clear();
  for (int i = 0; i < 25; ++i) r.analysis->highlights.files_written.push_back("/work/site/" + std::to_string(i));
  const auto ten = field(embed_of(r), "Files Written");
  CHECK_THAT(ten, Catch::Contains("`/work/site/9`") && !Catch::Contains("site/10`") && Catch::EndsWith("and 15 more"));
  r.analysis->highlights.files_written.assign(12, std::string(400, 'y'));
  const auto long_ones = field(embed_of(r), "Files Written");
  CHECK(utf16(long_ones) <= 1000);
  CHECK_THAT(long_ones, Catch::Contains(" more"));
  r.analysis->highlights.files_written.clear();
  CHECK(field(embed_of(r), "Files Written") == "none");
}

TEST_CASE("Nothing from a package mentions, links or formats") {
  auto r = run_of("```@everyone <@123> **b** [x](http://evil.example) \u202e", 3);
  const auto payload = json::parse(discord_payload(r, {}, {}));
  CHECK(payload.at("allowed_mentions").at("parse").as_array().empty());
  const auto& e = payload.at("embeds").at(0).as_object();
  for (const auto* name : {"Package", "Version", "Files Written", "Network Connections", "Run Details"}) {
    const auto value = field(e, name);
    INFO(value);
    // Each line holds exactly one code span: two backticks and none inside.
    for (std::size_t at = 0; at < value.size();
         at = value.find('\n', at) == value.npos ? value.size() : value.find('\n', at) + 1) {
      const auto line = value.substr(at, value.find('\n', at) - at);
      CHECK(std::count(line.begin(), line.end(), '`') == 2);
      CHECK(line.find("@everyone") > line.find('`'));
    }
  }
  const std::string title{e.at("title").as_string()};
  CHECK_THAT(title,
             Catch::Contains("\\`\\`\\`\\@everyone") && Catch::Contains("\\[x\\]\\(") && !Catch::Contains("\u202e"));
  const std::string description{e.at("description").as_string()};
  CHECK(std::count(description.begin(), description.end(), '`') == 6);
}

TEST_CASE("What exceeds eight MiB is left out and named, the log before the report") {
  const folder place;
  const auto fill = [&](const char* name, std::uint64_t size) {
    place.write(name, ""), std::filesystem::resize_file(place.path() / name, size);
  };
  CHECK(compose_webhook(ordinary_run(), place.path()).files.empty());
  fill("audit.log.gz", 100), fill("report.html", 200);
  auto m = compose_webhook(ordinary_run(), place.path());
  REQUIRE(m.files.size() == 2);
  CHECK(m.files[0].name == "audit.log.gz");
  CHECK_THAT(m.payload_json, Catch::Contains("Attachments: `audit.log.gz` (100 B) `report.html` (200 B)"));
  fill("audit.log.gz", most_attached);
  m = compose_webhook(ordinary_run(), place.path());
  REQUIRE(m.files.size() == 1);
  CHECK(m.files[0].name == "report.html");
  CHECK_THAT(m.payload_json, Catch::Contains("Left out: `audit.log.gz` (8.0 MiB), past the limit of 8.0 MiB"));
  fill("report.html", most_attached + 1);
  CHECK(compose_webhook(ordinary_run(), place.path()).files.size() == 1);
  fill("audit.log.gz", most_attached + 1);
  CHECK(compose_webhook(ordinary_run(), place.path()).files.empty());
}
