// A project's page of the index, HTML or JSON, from a registry that lies; then what the gateway serves of it.
// The first byte chooses the content type.
#include <set>

#include "actors/download/choose.hpp"
#include "actors/download/html.hpp"
#include "actors/download/index.hpp"
#include "actors/download/page.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::download;

namespace {

void check(const index_page& page) {
  std::set<std::string_view> names;
  for (const auto& file : page.files) {
    fuzz::must(!file.filename.empty() && file.filename.size() <= 255, "a filename has 1 to 255 bytes");
    fuzz::must(file.filename != "." && file.filename != ".." && file.filename.find('/') == std::string::npos,
               "a filename is one path segment");
    for (const unsigned char c : file.filename) fuzz::must(c >= 0x20 && c != 0x7f, "no control character in a name");
    fuzz::must(names.insert(file.filename).second, "no two files of the same name");
    fuzz::must(file.url.starts_with("http://") || file.url.starts_with("https://"), "a URL is absolute");
    fuzz::must(file.url.find('#') == std::string::npos, "a URL has no fragment");
    fuzz::must(!host_of(file.url).empty(), "a URL has a host");
    fuzz::must(file.sha256.empty() || file.sha256.size() == 64, "a digest is whole or absent");
  }
}

/// What the gateway writes of a page must read back as the same files.
void serve(const index_page& page) {
  const std::string_view base = "http://127.0.0.1:3141/simple/demo/";
  const auto as_html = parse_page(write_html("demo", page.files), html_page, base);
  const auto as_json = parse_page(write_json("demo", page.files), json_page, base);
  fuzz::must(as_json.has_value() && as_json->files.size() == page.files.size(), "written JSON reads back");
  fuzz::must(as_html.has_value() && as_html->files.size() == page.files.size(), "written HTML reads back");
  for (std::size_t i = 0; i < page.files.size(); ++i) {
    fuzz::must(as_html->files[i].filename == page.files[i].filename, "HTML keeps names and their order");
    fuzz::must(as_html->files[i].url == page.files[i].url, "HTML keeps URLs");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool json = (data[0] & 1) != 0;
  const auto body = fuzz::text_of(data + 1, size - 1);
  const auto page = parse_page(body, json ? json_page : html_page, "https://index.example/simple/demo/");
  if (!page) return 0;
  check(*page);
  serve(*page);
  static const interpreter python;
  static const auto ranks = rank_tags(supported_tags(python));
  (void)choose(*page, "demo", "1.0", python, ranks);
  (void)prefers_json(body);
  return 0;
}
