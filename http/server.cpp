#include "http/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "http/fronts.hpp"
#include "http/hub.hpp"
#include "http/listener.hpp"
#include "http/session.hpp"

namespace lazaret::http {
namespace {

namespace asio = boost::asio;

/// Connections, the store, the log, CAF and the jailer's fds; a hard limit below that leaves fewer connections.
void raise_file_limit(std::size_t connections) {
  constexpr rlim_t others = 512;
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= connections + others) return;
  now.rlim_cur = std::min<rlim_t>(now.rlim_max, connections + others);
  ::setrlimit(RLIMIT_NOFILE, &now);
}

}  // namespace

struct server::parts {
  parts(const config& settings, actors::service& pipeline, metrics::instruments& metrics, limits lim)
      : shared{settings, pipeline, metrics, lim} {}

  // The order is that of destruction, backwards: sessions live in the io_context and know the hub.
  hub shared;
  asio::io_context io{2};
  std::vector<std::shared_ptr<listener>> listeners;
  asio::steady_timer drained{io};
  std::chrono::steady_clock::time_point give_up_at;

  void begin_drain(std::chrono::milliseconds patience) {
    if (shared.draining.exchange(true)) return;
    for (const auto& one : listeners) one->stop();
    give_up_at = std::chrono::steady_clock::now() + patience;
    std::vector<std::shared_ptr<session>> open;
    {
      std::scoped_lock lock{shared.mutex};
      for (auto& [_, weak] : shared.sessions) {
        if (auto s = weak.lock()) open.push_back(std::move(s));
      }
    }
    for (auto& s : open) s->drain();
    open.clear();
    await_drained();
  }

  void await_drained() {
    const bool is_done =
        std::ranges::all_of(listeners, [](const auto& one) { return one->is_closed(); }) && shared.connections() == 0;
    if (is_done || std::chrono::steady_clock::now() >= give_up_at) return io.stop();
    drained.expires_after(std::chrono::milliseconds{20});
    drained.async_wait([this](boost::system::error_code) { await_drained(); });
  }
};

sandbox::result<std::unique_ptr<server>> server::open(const config& settings, actors::service& pipeline,
                                                      metrics::instruments& metrics, limits lim) {
  raise_file_limit(lim.connections);
  auto p = std::make_unique<parts>(settings, pipeline, metrics, lim);
  std::vector<frontend_port> wanted{
      {settings.takes_requests() ? find_front("api") : &worker_front(), static_cast<std::uint16_t>(settings.port)}};
  for (const auto& entry : settings.frontends) wanted.push_back(*read_frontend(entry));
  for (const auto& [stands_for, port] : wanted) {
    auto opened = listener::open(p->shared, p->io, settings.host, port, *stands_for);
    if (!opened) return opened.error();
    p->listeners.push_back(std::move(*opened));
  }
  return std::unique_ptr<server>{new server{std::move(p)}};
}

server::server(std::unique_ptr<parts> p) : parts_{std::move(p)} {}

server::~server() {
  // Callbacks and readers hold references to the hub. The pipeline promises to answer within 10 s.
  parts_->shared.ending.request_stop();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{12};
  while (parts_->shared.owed > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  parts_->shared.readers.join();
}

std::vector<std::uint16_t> server::ports() const {
  std::vector<std::uint16_t> all;
  for (const auto& one : parts_->listeners) all.push_back(one->port());
  return all;
}

void server::run() {
  for (const auto& one : parts_->listeners) one->start();
  auto guard = asio::make_work_guard(parts_->io);
  std::jthread second{[this] { parts_->io.run(); }};
  parts_->io.run();
}

void server::drain(std::chrono::milliseconds patience) {
  asio::post(parts_->io, [p = parts_.get(), patience] { p->begin_drain(patience); });
}

}  // namespace lazaret::http
