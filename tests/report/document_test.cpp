#include <sys/stat.h>
#include <zlib.h>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "actors/report/document.hpp"
#include "actors/report/style.hpp"
#include "tests/report/sample.hpp"

using namespace sample;
using namespace lazaret::report;

namespace {

/// Reads the page as a browser's tokeniser would: every `<` opens one of our own elements, with our own attributes.
void require_only_our_markup(const std::string& page) {
  static const std::set<std::string> elements{
      "!doctype", "html",  "head", "meta",    "title",   "style",   "body", "header", "div", "svg",
      "circle",   "text",  "rect", "h1",      "h2",      "h3",      "p",    "b",      "br",  "span",
      "code",     "small", "main", "article", "section", "ul",      "li",   "dl",     "dt",  "dd",
      "table",    "tr",    "th",   "td",      "details", "summary", "pre",  "footer"};
  static const std::set<std::string> attributes{"html",
                                                "lang",
                                                "charset",
                                                "http-equiv",
                                                "content",
                                                "name",
                                                "class",
                                                "viewbox",
                                                "role",
                                                "aria-label",
                                                "aria-hidden",
                                                "cx",
                                                "cy",
                                                "r",
                                                "x",
                                                "y",
                                                "fill",
                                                "stroke-width",
                                                "stroke-linecap",
                                                "stroke-dasharray",
                                                "transform",
                                                "text-anchor",
                                                "font-size",
                                                "width",
                                                "height",
                                                "preserveaspectratio"};
  const auto lower = [](std::string s) {
    for (auto& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return s;
  };
  const auto body_of_style = page.find("</style>");
  for (auto at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    if (at > page.find("<style>") && at < body_of_style) at = body_of_style;
    const auto end = page.find('>', at);
    REQUIRE(end != std::string::npos);
    auto tag = page.substr(at + 1, end - at - 1);
    if (tag.starts_with('/')) tag.erase(0, 1);
    const auto name = lower(tag.substr(0, tag.find_first_of(" /")));
    INFO(tag);
    REQUIRE(elements.contains(name));
    for (auto i = tag.find(' '); i != std::string::npos && i + 1 < tag.size() && tag[i + 1] != '/';) {
      const auto stop = tag.find_first_of("= ", i + 1);
      REQUIRE(attributes.contains(lower(tag.substr(i + 1, stop - i - 1))));
      if (stop == std::string::npos || tag[stop] == ' ') {
        i = stop;
        continue;
      }
      REQUIRE(tag[stop + 1] == '"');
      const auto quote = tag.find('"', stop + 2);
      REQUIRE(quote != std::string::npos);
      i = tag.find(' ', quote);
    }
  }
}

const char* const attacks[] = {"<script>alert(1)</script>",
                               "\"><img src=x onerror=alert(1)>",
                               "' onmouseover='alert(1)",
                               "</style><script>x</script>",
                               "</title><script>",
                               "</pre><iframe src=//x>",
                               "javascript:alert(1)",
                               "<!--",
                               "]]>",
                               "&lt;script&gt;",
                               "{{7*7}}",
                               "\xC0\xBCscript\xC0\xBE",
                               "<svg/onload=alert(1)>",
                               "\u202e\u2066<b>",
                               "<\0script>",
                               "<a href=http://evil.example>x</a>"};

}  // namespace

TEST_CASE("No text of a package becomes markup anywhere on the page") {
  for (const auto* attack : attacks) {
    INFO(attack);
    const folder place;
    place.write("out", attack), place.write("err", attack);
    const auto page = report_html(run_of(attack), place.path());
    require_only_our_markup(page);
    CHECK(page.find("<script") == std::string::npos);
    CHECK(page.find("\u202e") == std::string::npos);
  }
}

TEST_CASE("The page needs nothing but itself and tells the browser to allow nothing else") {
  const folder place;
  const auto page = report_html(ordinary_run(), place.path());
  CHECK_THAT(page, Catch::Contains("default-src 'none'") && Catch::Contains(style_digest()) &&
                       Catch::Contains("width=device-width"));
  for (const auto* outside : {"http://", "https://", "url(", "@import", "<script", "<link", "<img", " style="})
    CHECK(page.substr(page.find("</style>")).find(outside) == std::string::npos);
  CHECK(page.find("@import") == std::string::npos);
}

TEST_CASE("The page shows verdict, score, subject and what was found") {
  const folder place;
  auto r = ordinary_run();
  CHECK_THAT(report_html(r, place.path()),
             Catch::Contains(">Benign<") && Catch::Contains("requests") && Catch::Contains("No rule held"));
  r.analysis->verdict = lazaret::actors::verdict::malicious, r.analysis->score = 91;
  r.analysis->findings = {{"credential_read",
                           lazaret::actors::severity::critical,
                           "Looked for credentials",
                           {"install: read /root/.ssh/id_rsa"}}};
  CHECK_THAT(report_html(r, place.path()), Catch::Contains("class=\"malicious\"") && Catch::Contains(">91<") &&
                                               Catch::Contains("Looked for credentials") &&
                                               Catch::Contains("/root/.ssh/id_rsa"));
}

TEST_CASE("A run that failed before it was judged still has a report") {
  const folder place;
  lazaret::actors::run r;
  r.asked.package_name = "nothing", r.asked.version = "0";
  r.status = lazaret::actors::status::failed, r.error = "no such version";
  REQUIRE(write_report(r, place.path(), place.path()).has_value());
  CHECK_THAT(place.read("report.html"), Catch::Contains("no such version") && Catch::Contains("Failed"));
  CHECK(boost::json::parse(place.read("report.json")).at("error") == "no such version");
}

TEST_CASE("Reports stay small whatever the package printed or did") {
  const folder place;
  place.write("out", std::string(5 << 20, '<')), place.write("err", std::string(5 << 20, '\x01'));
  const auto r = run_of(std::string(20'000, '<'), 500);
  CHECK(report_html(r, place.path()).size() < 500U << 20);
  CHECK(excerpt(place.path(), "out").size() < excerpt_bytes + 100);
  CHECK_THAT(excerpt(place.path(), "out"), Catch::Contains("bytes left out"));
}

TEST_CASE("Only regular files inside the run's folder are shown") {
  const folder place;
  std::filesystem::create_symlink("/etc/passwd", place.path() / "link");
  REQUIRE(::mkfifo((place.path() / "fifo").c_str(), 0600) == 0);
  for (const auto* name : {"link", "fifo", "../../etc/passwd", "/etc/passwd", "", ".", "missing"})
    CHECK(excerpt(place.path(), name).empty());
}

TEST_CASE("Reports are whole when they appear and leave no draft behind") {
  const folder place;
  REQUIRE(write_report(ordinary_run(), place.path(), place.path()).has_value());
  std::set<std::string> files;
  for (const auto& f : std::filesystem::directory_iterator{place.path()}) files.insert(f.path().filename());
  CHECK(files == std::set<std::string>{"report.html", "report.json"});
  CHECK_FALSE(write_report(ordinary_run(), place.path() / "missing", place.path() / "missing").has_value());
  CHECK_THAT(write_report(ordinary_run(), place.path() / "missing", place.path() / "missing").error().describe(),
             Catch::Contains("No such file"));
}

TEST_CASE("The merged audit log carries each line's stage as a prefix") {
  const folder place;
  place.write("a", "{\"event\":1}\n{\"event\":2}\n" + std::string(200'000, 'x') + "\n"), place.write("b", "cut");
  auto r = ordinary_run();
  r.execution->phases[0].audit_file = "a", r.execution->phases[1].audit_file = "b",
  r.execution->phases[1].prefix = "sandbox";
  REQUIRE(write_audit_log(r, place.path(), place.path()).has_value());
  std::string text(1 << 20, '\0');
  const auto in = ::gzopen((place.path() / "audit.log.gz").c_str(), "rb");
  text.resize(static_cast<std::size_t>(::gzread(in, text.data(), static_cast<unsigned>(text.size()))));
  ::gzclose(in);
  CHECK(text ==
        "install: {\"event\":1}\ninstall: {\"event\":2}\ninstall: " + std::string(200'000, 'x') + "\nsandbox: cut\n");
}
