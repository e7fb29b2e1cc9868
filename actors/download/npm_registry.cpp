#include "actors/download/npm_registry.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

namespace lazaret::download {
namespace {

constexpr const char* accepted = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

bool is_name_part(std::string_view text) noexcept {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '~' || c == '-';
  });
}

/// RFC 3986, section 6.2: two of one meaning are one text. Nothing when it is no address of the web.
boost::system::result<boost::urls::url> normalised(std::string_view text) {
  auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return parsed.error();
  boost::urls::url url{*parsed};
  url.normalize();
  return url;
}

}  // namespace

bool is_npm_name(std::string_view text) noexcept {
  if (text.size() > 214) return false;
  if (!text.starts_with('@')) return is_name_part(text);
  const auto slash = text.find('/');
  return slash != text.npos && is_name_part(text.substr(1, slash - 1)) && is_name_part(text.substr(slash + 1));
}

result<std::unique_ptr<npm_registry>> npm_registry::open(npm_options options, blob_cache& cache,
                                                         metrics::instruments& count) {
  if (!options.registry_url.ends_with('/')) options.registry_url += '/';
  const auto url = normalised(options.registry_url);
  if (!url || url->encoded_host().empty())
    return download_error{problem::refused, "the npm registry's URL is none: " + options.registry_url};
  options.registry_url = std::string{url->buffer()};
  options.fetch.trusted_host = std::string{url->encoded_host()};
  options.fetch.trusted_port = url->has_port() ? std::string{url->port()} : url->scheme() == "https" ? "443" : "80";
  return std::unique_ptr<npm_registry>{new npm_registry{std::move(options), cache, count}};
}

npm_registry::npm_registry(npm_options options, blob_cache& cache, metrics::instruments& count)
    : options_{std::move(options)}, fetcher_{options_.fetch}, cache_{cache}, count_{count} {}

bool npm_registry::is_ours(std::string_view text) const {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed || parsed->has_userinfo() || parsed->has_fragment()) return false;
  // Nobody has a reason to write a way up, and what is still escaped is a slash to some servers.
  const auto path = parsed->path();
  if (path.find("/..") != path.npos || path.find('\\') != path.npos || path.find('\0') != path.npos) return false;
  const auto url = normalised(text);
  return url && std::string_view{url->buffer()}.starts_with(options_.registry_url);
}

result<std::string> npm_registry::packument(std::string_view name, download_budget& budget, std::stop_token stop) {
  if (!is_npm_name(name)) return download_error{problem::refused, "not a package name"};
  std::string escaped{name};
  if (const auto slash = escaped.find('/'); slash != escaped.npos) escaped.replace(slash, 1, "%2f");
  fetch_request request;
  request.url = options_.registry_url + escaped;
  request.accept = accepted;
  request.largest = options_.largest_packument.count;
  request.budget = &budget;
  request.compressed = true;
  memory_sink body;
  const auto got = fetcher_.get(request, body, std::move(stop));
  if (!got && got.error().what == problem::not_found)
    return download_error{problem::not_found, "package not found in the registry: " + std::string{name}};
  if (!got) return got.error();
  count_.downloaded("npm", "index", static_cast<double>(got->size));
  return {boost::system::in_place_value, std::move(body.body)};
}

result<blob> npm_registry::tarball(const std::string& url, download_budget& budget, std::stop_token stop) {
  if (!is_ours(url)) return download_error{problem::refused, "the tarball lies outside of the registry"};
  auto got = cache_.obtain(fetcher_, {url, {}, {}}, &budget, std::move(stop));
  if (got) count_.downloaded("npm", got->from_cache ? "cache" : "index", static_cast<double>(got->size));
  return got;
}

}  // namespace lazaret::download
