#include "actors/download/npm_gateway.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>

#include "actors/names.hpp"

namespace lazaret::download {
namespace {

namespace json = boost::json;

constexpr std::string_view files = "-/files/", ending = ".tgz";
constexpr std::size_t json_depth = 32;

/// Each escape once; nothing where there would be a NUL.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const auto* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out.find('\0') == out.npos ? std::optional{std::move(out)} : std::nullopt;
}

/// Semantic Versioning's alphabet, which needs no escapes in a path; dots alone would be a way up.
bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= 256 && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '+';
  });
}

}  // namespace

/// The registry's document with links to us in it; what they lead to is added to `tarballs`. Nothing when it is none.
/// `number`: by which we know the package.
std::optional<std::string> npm_gateway::rewrite(const std::string& text, std::size_t number, tarballs& found) const {
  json::error_code bad;
  json::parse_options depth;
  depth.max_depth = json_depth;
  auto parsed = json::parse(text, bad, {}, depth);
  auto* whole = bad ? nullptr : parsed.if_object();
  auto* versions = whole == nullptr ? nullptr : whole->if_contains("versions");
  if (versions == nullptr || !versions->is_object()) return std::nullopt;
  json::object shown;
  for (auto& [key, value] : versions->get_object()) {
    const std::string version{key.data(), key.size()};
    auto* one = value.if_object();
    auto* dist = one == nullptr ? nullptr : one->if_contains("dist");
    if (!is_version(version) || dist == nullptr || !dist->is_object()) continue;
    auto& link = dist->get_object()["tarball"];
    const auto* text_of_link = link.if_string();
    const std::string real = text_of_link == nullptr ? "" : std::string{text_of_link->data(), text_of_link->size()};
    found[version] = upstream_.is_ours(real) ? real : "";
    link = options_.own_address + std::string{prefix} + std::string{files} + std::to_string(number) + "/" + version +
           std::string{ending};
    shown.emplace(version, std::move(value));
  }
  *versions = std::move(shown);
  return json::serialize(parsed);
}

npm_gateway::npm_gateway(npm_registry& upstream, download_budget& budget, npm_gateway_options options)
    : upstream_{upstream}, budget_{budget}, options_{std::move(options)} {}

npm_gateway::~npm_gateway() = default;

gateway_response npm_gateway::answer(const gateway_request& request, std::stop_token stop) {
  {
    const std::scoped_lock lock{mutex_};
    if (++requests_ > options_.most_requests) return gateway_says(429, "too many requests in this run");
  }
  if (request.method != "GET" && request.method != "HEAD") return gateway_says(405, "only GET and HEAD");
  if (request.target.size() > options_.longest_target) return gateway_says(414, "target too long");
  std::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  if (!is_for(path)) return gateway_says(404, "only /npm/NAME is here");
  path.remove_prefix(prefix.size());
  if (path.starts_with(files)) return answer_file(path.substr(files.size()), stop);
  const auto name = decoded(path);
  if (!name || !is_npm_name(*name)) return gateway_says(404, "not a package name");
  return answer_package(*name, stop);
}

gateway_response npm_gateway::answer_package(const std::string& name, const std::stop_token& stop) {
  if (actors::is_denied(name, options_.denylist)) return gateway_says(403, "package is denied: " + name);
  const auto text = upstream_.packument(name, budget_, stop);
  if (!text) return gateway_says(text.error());
  const auto number = number_of(name);
  if (!number) return gateway_says(429, "too many packages in this run");
  auto found = std::make_shared<tarballs>();
  auto document = rewrite(*text, *number, *found);
  if (!document) return gateway_says(502, "the registry's document about " + name + " is none");
  {
    const std::scoped_lock lock{mutex_};
    packages_[*number] = std::move(found);
  }
  gateway_response r;
  r.reason = "OK";
  r.content_type = "application/json";
  r.body = std::move(*document);
  return r;
}

std::optional<std::size_t> npm_gateway::number_of(const std::string& name) {
  const std::scoped_lock lock{mutex_};
  if (const auto it = numbers_.find(name); it != numbers_.end()) return it->second;
  if (packages_.size() >= options_.most_packages) return std::nullopt;
  packages_.emplace_back();
  return numbers_.emplace(name, packages_.size() - 1).first->second;
}

gateway_response npm_gateway::answer_file(std::string_view rest, const std::stop_token& stop) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || end == rest.data() + rest.size() || *end != '/' || !rest.ends_with(ending))
    return gateway_says(404, "no such file");
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
  rest.remove_suffix(std::min(rest.size(), ending.size()));
  std::shared_ptr<const tarballs> owner;
  {
    const std::scoped_lock lock{mutex_};
    if (number < packages_.size()) owner = packages_[number];
  }
  const auto version = decoded(rest);
  if (!owner || !version) return gateway_says(404, "no such file");
  const auto real = owner->find(*version);
  if (real == owner->end()) return gateway_says(404, "no such file");
  if (real->second.empty()) return gateway_says(403, "the tarball lies outside of NPM_REGISTRY_URL");
  const auto got = upstream_.tarball(real->second, budget_, stop);
  if (!got) return gateway_says(got.error());
  gateway_response r;
  r.reason = "OK";
  r.content_type = "application/octet-stream";
  r.file = got->file;
  r.file_size = got->size;
  return r;
}

}  // namespace lazaret::download
