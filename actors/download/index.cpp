#include "actors/download/index.hpp"

#include <simdjson.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <unordered_set>

#include "actors/download/digest.hpp"
#include "actors/download/html.hpp"
#include "actors/json.hpp"
#include "actors/names.hpp"

namespace lazaret::download {
namespace {

constexpr std::size_t most_files = 200'000;

std::string lowered_hex(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_filename(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/' || c == '\\'; });
}

/// `sha256=<hex>` as fragments and data- attributes have it; empty for any other function.
std::string sha256_in(std::string_view text) {
  constexpr std::string_view key = "sha256=";
  const auto at = text.find(key);
  if (at == text.npos || (at != 0 && text[at - 1] != '&')) return {};
  const auto hex = text.substr(at + key.size(), 64);
  return is_sha256(hex) ? lowered_hex(hex) : std::string{};
}

/// Collects files; the first of a name wins. What is kept is UTF-8: HTML and percent-escapes may say anything, and the
/// gateway writes it as JSON, which no client reads if a single byte is not.
class page_builder {
 public:
  void add(index_file file) {
    if (full() || !is_filename(file.filename) || file.url.empty()) return;
    if (actors::valid_utf8(file.filename) != file.filename || !names_.insert(file.filename).second) return;
    file.requires_python = actors::valid_utf8(file.requires_python);
    if (file.yanked) file.yanked = actors::valid_utf8(*file.yanked);
    page_.files.push_back(std::move(file));
  }
  [[nodiscard]] bool full() const { return page_.files.size() >= most_files; }
  [[nodiscard]] index_page take() { return std::move(page_); }

 private:
  index_page page_;
  std::unordered_set<std::string> names_;
};

/// The link of one anchor: URL without fragment, the filename from its path, the digest from its fragment.
index_file file_behind(std::string_view href, std::string_view base) {
  index_file file;
  const auto hash = std::min(href.find('#'), href.size());
  file.url = resolve_url(base, href.substr(0, hash));
  if (hash < href.size()) file.sha256 = sha256_in(href.substr(hash + 1));
  const std::string_view path = std::string_view{file.url}.substr(0, file.url.find('?'));
  file.filename = percent_decoded(path.substr(path.rfind('/') + 1));
  return file;
}

result<index_page> parse_html(std::string_view body, std::string_view final_url) {
  page_builder page;
  const download_error no_page{problem::malformed, "the index answers with something that is no page"};
  // NUL is in no text; and bytes at random hold `<a >` now and then.
  if (body.find('\0') != std::string_view::npos) return no_page;
  std::string base{final_url};
  bool based = false, looks_like_html = false;
  std::string unknown_version;
  each_start_tag(body, [&](const html_tag& tag) {
    looks_like_html =
        looks_like_html || tag.name == "html" || tag.name == "body" || tag.name == "head" || tag.name == "a";
    if (tag.name == "base" && !based) {
      if (const auto* href = tag.find("href"); href) {
        if (auto url = resolve_url(final_url, *href); !url.empty()) base = std::move(url);
        based = true;
      }
    } else if (tag.name == "meta") {
      const auto* key = tag.find("name");
      const auto* content = tag.find("content");
      // PEP 629: a higher major version is one that this reader can't understand.
      if (key && content && *key == "pypi:repository-version" && !content->starts_with("1."))
        unknown_version = *content;
    } else if (tag.name == "a") {
      const auto* href = tag.find("href");
      if (!href) return !page.full();
      auto file = file_behind(*href, base);
      if (const auto* python = tag.find("data-requires-python")) file.requires_python = *python;
      if (const auto* yanked = tag.find("data-yanked")) file.yanked = *yanked;
      for (const auto* key : {"data-core-metadata", "data-dist-info-metadata"}) {
        const auto* metadata = tag.find(key);
        if (!metadata || *metadata == "false") continue;
        file.has_metadata = true;
        file.metadata_sha256 = sha256_in(*metadata);
        break;
      }
      page.add(std::move(file));
    }
    return unknown_version.empty() && !page.full();
  });
  if (!unknown_version.empty())
    return download_error{problem::malformed,
                          "the index speaks version " + unknown_version.substr(0, 20) + " of the simple API, not 1"};
  if (!looks_like_html) return no_page;
  return page.take();
}

using simdjson::dom::element;

std::string text_at(const element& object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string{text} : std::string{};
}

void read_metadata(const element& entry, index_file& file) {
  for (const auto* key : {"core-metadata", "dist-info-metadata"}) {
    element value;
    if (entry[key].get(value) != simdjson::SUCCESS) continue;
    bool flag = false;
    if (value.get(flag) == simdjson::SUCCESS) {
      file.has_metadata = flag;
    } else if (value.is_object()) {
      file.has_metadata = true;
      if (auto hex = text_at(value, "sha256"); is_sha256(hex)) file.metadata_sha256 = lowered_hex(hex);
    }
    return;
  }
}

index_file file_of(const element& entry, std::string_view final_url) {
  auto file = file_behind(text_at(entry, "url"), final_url);
  if (auto filename = text_at(entry, "filename"); !filename.empty()) file.filename = std::move(filename);
  file.requires_python = text_at(entry, "requires-python");
  element value;
  if (entry["hashes"].get(value) == simdjson::SUCCESS) {
    if (auto hex = text_at(value, "sha256"); is_sha256(hex)) file.sha256 = lowered_hex(hex);
  }
  if (entry["yanked"].get(value) == simdjson::SUCCESS) {
    bool flag = false;
    std::string_view reason;
    if (value.get(reason) == simdjson::SUCCESS)
      file.yanked = std::string{reason};
    else if (value.get(flag) == simdjson::SUCCESS && flag)
      file.yanked = "";
  }
  std::uint64_t size = 0;
  if (entry["size"].get(size) == simdjson::SUCCESS) file.size = size;
  read_metadata(entry, file);
  return file;
}

result<index_page> parse_json(std::string_view body, std::string_view final_url) {
  // The DOM parser keeps its own stack of at most DEFAULT_MAX_DEPTH (1024) levels: deeper documents are an error.
  simdjson::dom::parser parser;
  element document;
  if (const auto error = parser.parse(body.data(), body.size()).get(document); error != simdjson::SUCCESS)
    return download_error{problem::malformed,
                          std::string{"the index's JSON can't be read: "} + simdjson::error_message(error)};
  element value;
  if (document["meta"].get(value) == simdjson::SUCCESS) {
    const auto version = text_at(value, "api-version");
    if (!version.empty() && !version.starts_with("1."))
      return download_error{problem::malformed,
                            "the index speaks version " + version.substr(0, 20) + " of the simple API, not 1"};
  }
  simdjson::dom::array files;
  if (document["files"].get(files) != simdjson::SUCCESS)
    return download_error{problem::malformed, "the index's JSON has no list of files"};
  page_builder page;
  for (const element entry : files) {
    if (page.full()) break;
    if (entry.is_object()) page.add(file_of(entry, final_url));
  }
  return page.take();
}

/// RFC 3986 allows fewer characters than pages contain; what is not allowed is escaped, as browsers do.
std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view illegal = "\"<>\\^`{|} ";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || illegal.find(c) != illegal.npos) {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n\f");
  return from == text.npos ? std::string_view{} : text.substr(from, text.find_last_not_of(" \t\r\n\f") - from + 1);
}

/// RFC 3986, 5.2.4, on the encoded path.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;
  for (path.remove_prefix(path.starts_with('/') ? 1 : 0);;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    folder = part.empty() || part == "." || part == "..";
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (part != "." && !(part.empty() && slash == path.npos)) {
      kept.push_back(part);
    }
    if (slash == path.npos) break;
    path.remove_prefix(slash + 1);
  }
  std::string out;
  for (const auto part : kept) (out += '/') += part;
  return folder ? out + "/" : out;
}

}  // namespace

result<index_page> parse_page(std::string_view body, std::string_view content_type, std::string_view final_url) {
  std::string type{trimmed(content_type.substr(0, content_type.find(';')))};
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const bool json = type == json_page || type == "application/json";
  return json ? parse_json(body, final_url) : parse_html(body, final_url);
}

std::string project_url(std::string_view index_url, std::string_view name) {
  std::string url{index_url};
  while (url.ends_with('/')) url.pop_back();
  return url + "/" + actors::normalise_name(name) + "/";
}

std::string resolve_url(std::string_view base, std::string_view reference) {
  if (reference.empty() || reference.size() > 8192) return {};
  // Boost's own resolve() decodes %2F on the way and so changes which resource is meant; this follows RFC 3986, 5.2.2.
  const auto from_text = escaped(base), to_text = escaped(trimmed(reference));
  const auto from = boost::urls::parse_uri(from_text);
  const auto to = boost::urls::parse_uri_reference(to_text);
  if (!from || !to) return {};
  std::string joined;
  if (to->has_scheme()) {
    joined =
        std::string{to->scheme()} + "://" + std::string{to->encoded_authority()} + without_dots(to->encoded_path());
  } else if (to->has_authority()) {
    joined =
        std::string{from->scheme()} + "://" + std::string{to->encoded_authority()} + without_dots(to->encoded_path());
  } else {
    const std::string_view own_path = to->encoded_path(), base_path = from->encoded_path();
    std::string path;
    if (own_path.empty())
      path = base_path;
    else if (own_path.starts_with('/'))
      path = own_path;
    else
      path = std::string{base_path.substr(0, base_path.rfind('/') + 1)} + std::string{own_path};
    if (!path.starts_with('/')) path.insert(0, "/");
    joined = std::string{from->scheme()} + "://" + std::string{from->encoded_authority()} + without_dots(path);
  }
  if (to->has_query()) joined += "?" + std::string{to->encoded_query()};
  const auto whole = boost::urls::parse_uri(joined);
  if (!whole) return {};
  const auto scheme = whole->scheme_id();
  const bool web = scheme == boost::urls::scheme::http || scheme == boost::urls::scheme::https;
  if (!web || whole->encoded_host().empty()) return {};
  // `HTTPS://` is the same scheme (RFC 3986, 3.1); whoever compares prefixes later need not know.
  const auto written = std::string_view{whole->scheme()}.size();
  return (scheme == boost::urls::scheme::https ? "https" : "http") + joined.substr(written);
}

std::string host_of(std::string_view url) {
  const auto parsed = boost::urls::parse_uri(url);
  return parsed ? std::string{parsed->encoded_host()} : std::string{};
}

}  // namespace lazaret::download
