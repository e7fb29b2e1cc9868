#pragma once
/// A registry whose upstream is hostile_index.py, in a folder of its own.

#include <memory>

#include "actors/download/registry.hpp"
#include "tests/download/hostile_index.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lazaret::tests {

struct station {
  explicit station(std::vector<std::string> folders = {"/usr/share/python-wheels"},
                   download::registry_options options = quick())
      : index{std::move(folders)} {
    options.index_url = index.url("/simple");
    options.cache.folder = folder.path() / "cache";
    upstream = std::move(download::registry::open(std::move(options), count).value());
  }
  static download::registry_options quick() {
    download::registry_options o;
    o.denylist = {"torch"};
    o.fetch.first_backoff = std::chrono::milliseconds{10};
    o.fetch.retries = 1;
    o.fetch.low_speed_time = std::chrono::seconds{1};
    return o;
  }
  /// How often the index was asked for a path.
  int asked_for(const std::string& path) {
    download::fetch_options options;
    options.trusted_host = "127.0.0.1";
    download::fetcher fetch{options};
    download::memory_sink body;
    return fetch.get({index.url("/count" + path)}, body, {}) ? std::stoi(body.body) : -1;
  }

  hostile_index index;
  lazaret::testing::temporary_folder folder;
  metrics::instruments count;
  std::unique_ptr<download::registry> upstream;
};

inline actors::submission release_of(std::string name, std::string version) {
  actors::submission asked;
  asked.package_name = std::move(name);
  asked.version = std::move(version);
  return asked;
}

}  // namespace lazaret::tests
