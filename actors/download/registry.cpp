#include "actors/download/registry.hpp"

#include <algorithm>

#include "actors/names.hpp"

namespace lazaret::download {

result<std::unique_ptr<registry>> registry::open(registry_options options, metrics::instruments& count) {
  options.fetch.trusted_host = host_of(options.index_url);
  if (options.fetch.trusted_host.empty())
    return download_error{problem::refused, "the index's URL is none: " + options.index_url};
  auto cache = blob_cache::open(options.cache);
  if (!cache) return cache.error();
  return std::unique_ptr<registry>{new registry{std::move(options), std::move(*cache), count}};
}

registry::registry(registry_options options, std::unique_ptr<blob_cache> cache, metrics::instruments& count)
    : options_{std::move(options)},
      ranks_{rank_tags(supported_tags(options_.python))},
      fetcher_{options_.fetch},
      cache_{std::move(cache)},
      count_{count} {}

result<page_ptr> registry::page(std::string_view name, download_budget* budget, std::stop_token stop) {
  if (!actors::is_package_name(name)) return download_error{problem::refused, "not a package name"};
  const auto project = actors::normalise_name(name);
  {
    const std::scoped_lock lock{mutex_};
    const auto now = std::chrono::steady_clock::now();
    pages_.remove_if([&](const remembered& r) { return r.until <= now; });
    const auto it = std::find_if(pages_.begin(), pages_.end(), [&](const remembered& r) { return r.name == project; });
    if (it != pages_.end()) {
      if (budget && !budget->take(it->size)) return download_error{problem::cap_exceeded, std::string{cap_text}};
      count_.downloaded("pypi", "cache", static_cast<double>(it->size));
      return it->page;
    }
  }
  fetch_request request;
  request.url = project_url(options_.index_url, project);
  request.accept = accepted_pages;
  request.largest = options_.largest_page.count;
  request.budget = budget;
  request.compressed = true;
  memory_sink body;
  const auto got = fetcher_.get(request, body, stop);
  if (!got) {
    if (got.error().what == problem::not_found)
      return download_error{problem::not_found, "package not found in the index: " + std::string{name}};
    return got.error();
  }
  count_.downloaded("pypi", "index", static_cast<double>(got->size));
  auto parsed = parse_page(body.body, got->content_type, got->final_url);
  if (!parsed) return download_error{parsed.error().what, request.url + ": " + parsed.error().text};
  auto page = std::make_shared<const index_page>(std::move(*parsed));
  remember(project, page, got->size);
  return page;
}

void registry::remember(std::string name, page_ptr page, std::uint64_t size) {
  const std::scoped_lock lock{mutex_};
  pages_.remove_if([&](const remembered& r) { return r.name == name; });
  pages_.push_front({std::move(name), std::move(page), size, std::chrono::steady_clock::now() + options_.page_life});
  std::uint64_t total = 0;
  pages_.remove_if([&](const remembered& r) { return (total += r.size + 4096) > options_.remembered_pages.count; });
}

result<blob> registry::file(const wanted_blob& wanted, download_budget* budget, std::stop_token stop) {
  auto got = cache_->obtain(fetcher_, wanted, budget, stop);
  if (got) count_.downloaded("pypi", got->from_cache ? "cache" : "index", static_cast<double>(got->size));
  return got;
}

}  // namespace lazaret::download
