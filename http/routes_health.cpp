#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "http/routes.hpp"

namespace lazaret::http {

/// Also what clients of the quartermaster front end read: `docker_connected` is their word for "programs can be run".
response health(const site& s, const request&) {
  if (!s.settings.needs_jails())
    return {.body =
                R"({"status":"ok","docker_connected":false,"layers":[],"detail":"no stage of this node has jails"})"};
  const auto known = s.pipeline.layers();
  const bool holds = !known.layers.empty() && known.trouble.empty();
  boost::json::array layers;
  for (const auto& l : known.layers)
    layers.push_back(boost::json::object{
        {"name", l.name}, {"state", sandbox::name(l.state)}, {"required", l.required}, {"detail", l.detail}});
  boost::json::object body{{"status", holds ? "ok" : "degraded"},
                           {"docker_connected", holds},
                           {"auth_enabled", !s.settings.api_token.empty()},
                           {"layers", std::move(layers)}};
  if (!holds) body["detail"] = known.trouble.empty() ? "the layers of the jail are being tested" : known.trouble;
  return {.status = holds ? 200U : 503U, .body = boost::json::serialize(body)};
}

}  // namespace lazaret::http
