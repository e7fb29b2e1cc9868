#include "http/routes.hpp"

namespace lazaret::http {

response healthz(const site&, const request&) { return {.body = R"({"status":"ok"})"}; }

response readyz(const site& s, const request&) {
  auto reason = s.pipeline.not_ready_because();
  return reason.empty() ? response{.body = R"({"status":"ready"})"} : failed(503, "not ready: " + reason);
}

response metrics_text(const site& s, const request&) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = s.metrics.exposition()};
}

response openapi_json(const site& s, const request&) {
  static const std::string document = openapi(s.table);
  return {.body = document};
}

response front_page(const site& s, const request&) {
  response page{.content_type = "text/html; charset=utf-8"};
  page.headers.emplace_back("Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");
  page.body = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lazaret</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
  table { border-collapse: collapse; width: 100%; } td { padding: .3rem .6rem .3rem 0; border-top: 1px solid #d8dee5; }
  code { font-family: ui-monospace, monospace; }
  @media (prefers-color-scheme: dark) { body { background: #14191f; color: #d8dee5; } a { color: #7fb5ff; } td { border-color: #2c3640; } }
</style></head><body>
<h1>Lazaret</h1>
<p>A quarantine station for untrusted code, version )" LAZARET_VERSION R"(.</p>
<table>
)";
  for (const auto& r : s.table) {
    const bool is_link = r.method == "GET" && r.needs == access::open;
    const std::string pattern{r.pattern};
    page.body += "<tr><td><code>" + std::string{r.method} + "</code></td><td><code>" +
                 (is_link ? "<a href=\"" + pattern + "\">" + pattern + "</a>" : pattern) + "</code></td><td>" +
                 std::string{r.summary} + "</td></tr>\n";
  }
  page.body += "</table>\n</body></html>\n";
  return page;
}

}  // namespace lazaret::http
