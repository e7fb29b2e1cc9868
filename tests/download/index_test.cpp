#include <catch2/catch.hpp>

#include "actors/download/html.hpp"
#include "actors/download/index.hpp"
#include "actors/download/page.hpp"
#include "actors/names.hpp"

using namespace lazaret::download;

namespace {

const std::string digest(64, 'a');
constexpr auto base = "https://index.example/simple/name/";

index_page html(std::string_view body) {
  auto page = parse_page(body, "text/html; charset=utf-8", base);
  INFO((page.has_error() ? page.error().text : ""));
  REQUIRE(page.has_value());
  return *page;
}

index_page json(std::string_view body) {
  auto page = parse_page(body, "application/vnd.pypi.simple.v1+json", base);
  INFO((page.has_error() ? page.error().text : ""));
  REQUIRE(page.has_value());
  return *page;
}

}  // namespace

TEST_CASE("Names are normalised as PEP 503 says and checked against PEP 508's alphabet") {
  CHECK(lazaret::actors::normalise_name("Foo.Bar__baz-.-QUX") == "foo-bar-baz-qux");
  CHECK(lazaret::actors::is_package_name("a"));
  CHECK(lazaret::actors::is_package_name("zope.interface"));
  CHECK(lazaret::actors::is_package_name(std::string(200, 'a')));
  using namespace std::string_view_literals;
  for (const auto bad : {""sv, "../etc"sv, "a/b"sv, "-a"sv, "a-"sv, "--index-url=x"sv, "a\0b"sv, "a b"sv, "\xc3\xa4"sv})
    CHECK_FALSE(lazaret::actors::is_package_name(bad));
  CHECK_FALSE(lazaret::actors::is_package_name(std::string(201, 'a')));
}

TEST_CASE("The denylist covers a name and its hyphenated relatives only") {
  const std::vector<std::string> list{"torch", "Jax_Lib"};
  CHECK(lazaret::actors::is_denied("Torch", list));
  CHECK(lazaret::actors::is_denied("torch_audio", list));
  CHECK(lazaret::actors::is_denied("jax.lib", list));
  CHECK_FALSE(lazaret::actors::is_denied("torchvision", list));
  CHECK_FALSE(lazaret::actors::is_denied("jax", list));
}

TEST_CASE("A PEP 503 page gives files with digest, Requires-Python, yanking and metadata") {
  const auto page = html(
      "<!DOCTYPE html><html><head><meta name='pypi:repository-version' content='1.1'></head><body>"
      "<a href=\"../../f/name-1.0.tar.gz#sha256=" +
      digest +
      "\" data-requires-python=\"&gt;=3.8,&lt;4\">x</a>"
      "<A data-yanked='broken &amp; old' HREF='https://files.example/n%2B1-2-py3-none-any.whl#md5=00'>y</A>"
      "<a href=name-3.zip data-yanked data-core-metadata='sha256=" +
      digest + "'>z</a></body></html>");
  REQUIRE(page.files.size() == 3);
  CHECK(page.files[0].filename == "name-1.0.tar.gz");
  CHECK(page.files[0].url == "https://index.example/f/name-1.0.tar.gz");
  CHECK(page.files[0].sha256 == digest);
  CHECK(page.files[0].requires_python == ">=3.8,<4");
  CHECK_FALSE(page.files[0].yanked);
  CHECK(page.files[1].filename == "n+1-2-py3-none-any.whl");
  CHECK(page.files[1].sha256.empty());
  CHECK(page.files[1].yanked == "broken & old");
  CHECK(page.files[2].url == "https://index.example/simple/name/name-3.zip");
  CHECK(page.files[2].yanked == "");
  CHECK(page.files[2].has_metadata);
  CHECK(page.files[2].metadata_sha256 == digest);
}

TEST_CASE("Links are relative to <base href>, itself relative to the page") {
  const auto page = html("<html><base href='/mirror/'><a href='a-1.zip'></a>");
  REQUIRE(page.files.size() == 1);
  CHECK(page.files[0].url == "https://index.example/mirror/a-1.zip");
}

TEST_CASE("Hostile HTML gives no file that is none, and no trouble") {
  CHECK(html("<html><!-- <a href='a-1.zip'> --><script><a href='b-1.zip'></script><a href='javascript:x'><a>")
            .files.empty());
  CHECK(html("<html><a href='file:///etc/passwd'><a href='ftp://x/y-1.zip'><a href='..'><a href='x%2Fy.whl'>")
            .files.empty());
  CHECK(html("<html><a href='a%00b.whl'><a href='a%0Ab.whl'>").files.empty());
  CHECK(html("<html><a href='a b-1.whl'>").files.at(0).url == "https://index.example/simple/name/a%20b-1.whl");
  CHECK(html("<html><a href='a-1.zip'><a href='a-1.zip#sha256=" + digest + "'>").files.size() == 1);
  CHECK(html("<a href='" + std::string(9000, 'x') + ".whl'>").files.empty());
  CHECK(html("<html>" + std::string(100'000, '<')).files.empty());
  CHECK(html("<html><a " + std::string(200'000, 'x')).files.empty());
  CHECK(html("<html><a href='" + std::string(200'000, 'x')).files.empty());
  std::string many = "<html>";
  for (int i = 0; i < 100'000; ++i) many += "<a =\"";
  CHECK(html(many).files.empty());
  CHECK(parse_page(std::string(5000, '\xff'), "text/html", base).has_error());
  CHECK(parse_page("", "text/html", base).has_error());
  const auto newer = parse_page("<html><meta name='pypi:repository-version' content='2.0'>", "text/html", base);
  REQUIRE(newer.has_error());
  CHECK(newer.error().text.find("2.0") != std::string::npos);
}

TEST_CASE("A page that is no UTF-8 is still served as JSON that clients can read") {
  const auto page =
      html("<a href='/a-1.0.tar.gz' data-yanked='ba\xc0' data-requires-python='\xff'>x</a><a href='/b%c0'>y</a>");
  REQUIRE(page.files.size() == 1);  // a name that is no UTF-8 is no name
  CHECK(page.files[0].yanked == "ba\xef\xbf\xbd");
  CHECK(page.files[0].requires_python == "\xef\xbf\xbd");
  CHECK(json(write_json("a", page.files)).files.size() == 1);
}

TEST_CASE("The scheme of a URL is lower case whatever the page writes") {
  CHECK(resolve_url(base, "HTTPS://Files.example/x") == "https://Files.example/x");
  CHECK(resolve_url(base, "hTTp://files.example/x") == "http://files.example/x");
}

TEST_CASE("A PEP 691 page gives the same things, and sizes") {
  const auto page = json(R"({"meta":{"api-version":"1.1"},"name":"name","files":[
    {"filename":"name-1.0.tar.gz","url":"../../f/name-1.0.tar.gz","hashes":{"sha256":")" +
                         std::string(64, 'A') + R"("},
     "requires-python":">=3.8","size":123,"yanked":false,"core-metadata":{"sha256":")" +
                         digest + R"("}},
    {"filename":"name-2.zip","url":"https://files.example/x?y=1","hashes":{},"yanked":"why","dist-info-metadata":true},
    {"filename":"../evil","url":"https://files.example/x"}, {"filename":"n.whl","url":7}, 5, null, {"yanked":true}]})");
  REQUIRE(page.files.size() == 2);
  CHECK(page.files[0].url == "https://index.example/f/name-1.0.tar.gz");
  CHECK(page.files[0].sha256 == digest);
  CHECK(page.files[0].size == 123u);
  CHECK_FALSE(page.files[0].yanked);
  CHECK(page.files[0].metadata_sha256 == digest);
  CHECK(page.files[1].yanked == "why");
  CHECK(page.files[1].has_metadata);
  CHECK(page.files[1].url == "https://files.example/x?y=1");
}

TEST_CASE("JSON that is none, ten thousand levels deep, or of another version is malformed") {
  for (const auto& body :
       {std::string{"{"}, std::string{}, std::string{"[]"}, std::string{R"({"files":{}})"},
        std::string{R"({"meta":{"api-version":"2.0"},"files":[]})"}, std::string{"{\"files\":[\"\xff\"]}"},
        "{\"files\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}"}) {
    const auto page = parse_page(body, "application/vnd.pypi.simple.v1+json", base);
    REQUIRE(page.has_error());
    CHECK(page.error().what == problem::malformed);
  }
}

TEST_CASE("What the gateway writes can be read back, whatever the index said") {
  index_file file;
  file.filename = "a\"<&>'-1.zip";
  file.url = "/files/0/a-1.zip";
  file.sha256 = digest;
  file.requires_python = ">=3.8,<4";
  file.yanked = "\"><script>";
  file.has_metadata = true;
  const auto back = html(write_html("a", {file}));
  REQUIRE(back.files.size() == 1);
  CHECK(back.files[0].url == "https://index.example/files/0/a-1.zip");
  CHECK(back.files[0].yanked == file.yanked);
  CHECK(back.files[0].requires_python == file.requires_python);
  CHECK(back.files[0].has_metadata);
  const auto again = json(write_json("a", {file}));
  REQUIRE(again.files.size() == 1);
  CHECK(again.files[0].filename == file.filename);
  CHECK(again.files[0].sha256 == digest);
  CHECK(again.files[0].yanked == file.yanked);
}

TEST_CASE("The Accept header decides between JSON and HTML") {
  CHECK(prefers_json(accepted_pages));
  CHECK(prefers_json("application/vnd.pypi.simple.v1+json"));
  CHECK_FALSE(prefers_json(""));
  CHECK_FALSE(prefers_json("text/html"));
  CHECK_FALSE(prefers_json("*/*"));
  CHECK_FALSE(prefers_json("application/vnd.pypi.simple.v1+json;q=0.1, text/html"));
  CHECK_FALSE(prefers_json("application/vnd.pypi.simple.v1+json;q=0"));
  CHECK_FALSE(prefers_json(",,;;q=,"));
}

TEST_CASE("Entities decode by name and number, and stay what they are when they are none") {
  CHECK(decode_entities("&lt;&#60;&#x3C;&amp;amp;&unknown;&;&#;&#xZ;&#1114112;&") ==
        "<<<&amp;&unknown;&;&#;&#xZ;\xEF\xBF\xBD&");
  CHECK(decode_entities("&#228;&#x1F600;") == "\xC3\xA4\xF0\x9F\x98\x80");
}

TEST_CASE("References resolve as RFC 3986, section 5.4 has them, escapes untouched") {
  constexpr auto rfc = "http://a/b/c/d;p?q";
  const auto [reference, target] =
      GENERATE(table<std::string, std::string>({{"g", "http://a/b/c/g"},
                                                {"./g", "http://a/b/c/g"},
                                                {"g/", "http://a/b/c/g/"},
                                                {"/g", "http://a/g"},
                                                {"//g", "http://g/"},
                                                {"?y", "http://a/b/c/d;p?y"},
                                                {"g?y", "http://a/b/c/g?y"},
                                                {";x", "http://a/b/c/;x"},
                                                {".", "http://a/b/c/"},
                                                {"./", "http://a/b/c/"},
                                                {"..", "http://a/b/"},
                                                {"../g", "http://a/b/g"},
                                                {"../..", "http://a/"},
                                                {"../../../g", "http://a/g"},
                                                {"/./g", "http://a/g"},
                                                {"/../g", "http://a/g"},
                                                {"g..", "http://a/b/c/g.."},
                                                {"./g/.", "http://a/b/c/g/"},
                                                {"g/../h", "http://a/b/c/h"},
                                                {"https://x:1/y%2Fz/../w", "https://x:1/w"},
                                                {"x%2Fy%2e.whl", "http://a/b/c/x%2Fy%2e.whl"},
                                                {"mailto:x", ""},
                                                {"http:", ""},
                                                {"http:///x", ""},
                                                {"http://[::1]/x", "http://[::1]/x"},
                                                {"http://[x/", ""}}));
  INFO(reference);
  CHECK(resolve_url(rfc, reference) == target);
}

TEST_CASE("A project's URL has the normalised name and one slash at the end") {
  CHECK(project_url("https://x/simple", "A.b") == "https://x/simple/a-b/");
  CHECK(project_url("https://x/simple//", "a") == "https://x/simple/a/");
  CHECK(host_of("https://x.example:8443/simple") == "x.example");
  CHECK(host_of("nonsense").empty());
}
