#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include "http/byte_range.hpp"
#include "http/jobs/log_stream.hpp"
#include "http/jobs/multipart.hpp"
#include "http/jobs/spec.hpp"

using namespace lazaret;
using namespace lazaret::http;
using namespace lazaret::http::jobs;

namespace {

std::vector<part> parts_of(std::string_view body, std::string_view boundary = "b") {
  auto read = read_multipart(boundary, body);
  if (auto* broken = std::get_if<malformed>(&read)) FAIL(broken->why);
  return std::get<0>(std::move(read));
}
bool is_broken(std::string_view body) { return std::holds_alternative<malformed>(read_multipart("b", body)); }

std::string field(std::string_view disposition, std::string_view content) {
  return "--b\r\nContent-Disposition: " + std::string{disposition} + "\r\n\r\n" + std::string{content} + "\r\n";
}

std::string filename(std::string_view parameters) {
  const auto body = field("form-data; name=f; " + std::string{parameters}, "x") + "--b--";
  return parts_of(body).at(0).filename.value_or("none");
}

const byte_range::kind whole = byte_range::kind::whole, none = byte_range::kind::none;

}  // namespace

TEST_CASE("A boundary is what RFC 2046 allows, quoted or not") {
  CHECK(form_boundary("multipart/form-data; boundary=abc") == "abc");
  CHECK(form_boundary("Multipart/Form-Data;charset=utf-8;Boundary=\"a b?c\"") == "a b?c");
  CHECK(form_boundary("multipart/form-data; boundary=" + std::string(70, 'x')) == std::string(70, 'x'));
  for (const auto* bad :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a\x01", "multipart/form-data; boundary=\"a"})
    CHECK(form_boundary(bad) == "");
  CHECK(form_boundary("multipart/form-data; boundary=" + std::string(71, 'x')) == "");
  CHECK_FALSE(form_boundary("application/json").has_value());
  CHECK_FALSE(form_boundary("multipart/mixed; boundary=a").has_value());
}

TEST_CASE("Parts are what lies between the boundaries, byte for byte") {
  const auto body = "preamble\r\n" + field("form-data; name=\"spec\"", "{}") +
                    field("form-data; name=f; filename=\"a.bin\"\r\nContent-Type: text/plain", "\r\n--c\r\n\r\n-b--") +
                    field("form-data; name=empty", "") + "--b-- \r\nepilogue --b";
  const auto parts = parts_of(body);
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].name == "spec");
  CHECK(parts[0].content == "{}");
  CHECK_FALSE(parts[0].filename.has_value());
  CHECK(parts[1].filename == "a.bin");
  CHECK(parts[1].content == "\r\n--c\r\n\r\n-b--");
  CHECK(parts[2].content.empty());
  CHECK(parts_of("--b--").empty());
  CHECK(parts_of("--b \t\r\nContent-Disposition:form-data;name=a\r\n\r\nx\r\n--b--").at(0).content == "x");
  CHECK(parts_of("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--").at(0).content.empty());
}

TEST_CASE("A body that is no form is refused") {
  const auto good = field("form-data; name=a", "x");
  CHECK_FALSE(is_broken(good + "--b--"));
  for (const auto& bad :
       {std::string{}, std::string{"x"}, std::string{"--b"}, std::string{"--b\r\n"}, std::string{"--b\r\n\r\n"}, good,
        good + "--b", good + "--bx\r\n", good + "--b-", field("attachment; name=a", "x") + "--b--",
        field("form-data", "x") + "--b--", field("form-data; name=\"a", "x") + "--b--",
        field("form-data; name=a\r\nContent-Disposition: form-data; name=b", "x") + "--b--",
        field("form-data; name=a\r\nContent-Type: multipart/mixed; boundary=c", "x") + "--b--",
        field("form-data; name=a\r\nContent-Transfer-Encoding: base64", "x") + "--b--",
        field("form-data; name=a\r\nX: " + std::string(9000, 'y'), "x") + "--b--"}) {
    INFO(bad.substr(0, 100));
    CHECK(is_broken(bad));
  }
  std::string many;
  for (int n = 0; n < 2000; ++n) many += good;
  CHECK(parts_of(many + "--b--").size() == 2000);
  CHECK(is_broken(many + good + "--b--"));
}

TEST_CASE("File names come as clients write them") {
  CHECK(filename("filename=plain.txt") == "plain.txt");
  CHECK(filename(R"(filename="a \"quoted\" \\ one.txt")") == R"(a "quoted" \ one.txt)");
  CHECK(filename(R"(filename="C:\dir\main.py")") == R"(C:\dir\main.py)");
  CHECK(filename(R"(filename="a;b=c.txt"; size=1)") == "a;b=c.txt");
  CHECK(filename("filename*=UTF-8''na%C3%AFve.txt") == "na\xc3\xafve.txt");
  CHECK(filename("filename=x; filename*=UTF-8''%zz") == "x");
  CHECK(filename("other=1") == "none");
  CHECK(base_name("../../etc/passwd") == "passwd");
  CHECK(base_name(R"(C:\dir\main.py)") == "main.py");
  CHECK(base_name(R"(a\b)") == R"(a\b)");
  CHECK(base_name("dir/") == "");
}

TEST_CASE("A spec is read as Pydantic reads it, and read again as it was kept") {
  const auto read = read_spec(boost::json::parse(
      R"({"timeout_sec": "30", "cpu_limit": 2, "mem_limit_mb": 64.0, "args": ["a"], "env": {"A": "1"}, "what": 1})"));
  REQUIRE(std::holds_alternative<job_spec>(read));
  const auto& spec = std::get<job_spec>(read);
  CHECK((spec.timeout_sec == 30 && spec.cpu_limit == 2.0 && spec.mem_limit_mb == 64 && spec.pids_limit == 128));
  const auto again = read_spec(to_json(spec));
  REQUIRE(std::holds_alternative<job_spec>(again));
  CHECK(to_json(std::get<job_spec>(again)) == to_json(spec));
  CHECK(std::get<boost::json::array>(read_spec(boost::json::parse(R"({"timeout_sec": 0, "env": 1})"))).size() == 2);
  CHECK(std::holds_alternative<boost::json::array>(
      read_spec(boost::json::parse(R"({"mem_limit_mb": 65})"), {64, false})));
  CHECK(std::holds_alternative<boost::json::array>(read_spec(boost::json::parse(R"({"net_policy": "outbound"})"))));
  CHECK(std::get<job_spec>(read_spec(boost::json::parse(R"({"net_policy": "outbound"})"), {64, true})).net_policy ==
        "outbound");
}

TEST_CASE("A range is what RFC 9110 makes of it") {
  const auto some = [](std::string_view header, std::uint64_t first, std::uint64_t count, std::uint64_t size = 1000) {
    const auto got = read_range(header, size);
    INFO(header);
    CHECK((got.what == byte_range::kind::some && got.first == first && got.count == count));
  };
  some("bytes=0-499", 0, 500);
  some("BYTES=500-", 500, 500);
  some("bytes=-1", 999, 1);
  some("bytes=-5000", 0, 1000);
  some("bytes=999-99999999999999999999999", 999, 1);
  for (const auto* header : {"bytes=1000-", "bytes=99999999999999999999999-", "bytes=-0"})
    CHECK(read_range(header, 1000).what == none);
  CHECK(read_range("bytes=0-", 0).what == none);
  CHECK(read_range("bytes=-1", 0).what == none);
  for (const auto* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=+1-2", "items=0-1"}) {
    INFO(header);
    CHECK(read_range(header, 1000).what == whole);
  }
}

TEST_CASE("Log text becomes events however it is cut") {
  const std::string log = "one\n\ntwo\r\nth\rree\nrest";
  std::string at_once;
  event_lines{}.write(log, at_once);
  CHECK(at_once == "data: one\n\ndata: \n\ndata: two\n\ndata: th ree\n\ndata: rest");
  for (std::size_t cut = 0; cut <= log.size(); ++cut) {
    event_lines lines;
    std::string out;
    lines.write(std::string_view{log}.substr(0, cut), out);
    lines.write(std::string_view{log}.substr(cut), out);
    CHECK(out == at_once);
  }
}
