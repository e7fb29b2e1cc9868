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

std::string percent_encoded(std::string_view name) {
  std::string out;
  for (const unsigned char c : name) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    if (std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_')
      out += static_cast<char>(c);
    else
      (out += '%') += {digits[c >> 4], digits[c & 15]};
  }
  return out;
}

/// What the gateway writes of a page, with URLs of its own, must read back as the same files.
void serve(index_page page) {
  for (auto& file : page.files) file.url = "/files/1/" + percent_encoded(file.filename);
  const std::string host = "http://127.0.0.1:3141", base = host + "/simple/demo/";
  const auto as_html = parse_page(write_html("demo", page.files), html_page, base);
  const auto as_json = parse_page(write_json("demo", page.files), json_page, base);
  fuzz::must(as_html.has_value() && as_html->files.size() == page.files.size(), "written HTML reads back");
  fuzz::must(as_json.has_value() && as_json->files.size() == page.files.size(), "written JSON reads back");
  for (const auto* read : {&*as_html, &*as_json})
    for (std::size_t i = 0; i < page.files.size(); ++i) {
      const auto &before = page.files[i], &after = read->files[i];
      fuzz::must(after.filename == before.filename, "names and their order are kept");
      fuzz::must(after.url == host + before.url, "URLs are kept");
      fuzz::must(after.sha256 == before.sha256 && after.metadata_sha256 == before.metadata_sha256, "digests are kept");
      fuzz::must(after.requires_python == before.requires_python, "Requires-Python is kept");
      fuzz::must(after.yanked == before.yanked, "the yank and its reason are kept");
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
