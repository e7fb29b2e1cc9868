#pragma once
/// What sessions share with the server that holds them.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <stop_token>
#include <unordered_map>

#include "http/fronts.hpp"
#include "http/server.hpp"
#include "http/site.hpp"

namespace lazaret::http {

class session;

/// Every session runs on a strand of its own, so nothing in it is locked.
using strand = boost::asio::strand<boost::asio::io_context::executor_type>;

struct hub {
  hub(const config& settings, actors::service& pipeline, metrics::instruments& metrics, limits l)
      : shared{settings, pipeline, metrics, settings.takes_requests() ? api() : worker_front().table,
               [this](std::function<void()> work) { boost::asio::post(readers, std::move(work)); }},
        lim{l} {}

  const site shared;
  const limits lim;
  /// Runs the handlers that may block for a query, so that /healthz never waits for a disk.
  boost::asio::thread_pool readers{2};
  std::atomic<bool> draining{false};
  /// Bytes of bodies beyond lim.body_bytes that are in memory.
  std::atomic<std::size_t> large_bodies{0};
  /// Runs that nobody will hear of are not to go on: requested when the server goes.
  std::stop_source ending;
  /// Callbacks that the pipeline still owes.
  std::atomic<int> owed{0};

  std::mutex mutex;  ///< guards `sessions`
  std::unordered_map<const session*, std::weak_ptr<session>> sessions;

  [[nodiscard]] std::size_t connections() {
    std::scoped_lock lock{mutex};
    return sessions.size();
  }
};

}  // namespace lazaret::http
