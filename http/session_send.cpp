// The half of a session that sends: responses, files, event streams, and the goodbye.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "http/into.hpp"
#include "http/session.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::http {
namespace {

namespace asio = boost::asio;
using boost::beast::error_code;

constexpr std::size_t piece_bytes = 64 * 1024;

}  // namespace

auto session::write(std::string_view bytes) -> task<bool> {
  error_code ec;
  while (!bytes.empty() && !ec && !closed_) {
    auto piece = bytes.substr(0, piece_bytes);
    allow(hub_.lim.write_time);
    co_await asio::async_write(socket_, asio::const_buffer{piece.data(), piece.size()}, into(ec));
    bytes.remove_prefix(piece.size());
  }
  co_return !ec && !closed_;
}

auto session::send(turn& t) -> task<bool> {
  auto& given = t.given;
  const bool head_only = t.method == "HEAD";
  if (given.file) co_return co_await send_file(t);
  if (given.live && !head_only) co_return co_await send_live(given);
  out_.clear();
  write_head(out_, given, given.live ? std::optional<std::uint64_t>{} : given.body.size(), t.keep_alive);
  const bool is_large = !head_only && given.body.size() > piece_bytes;  // not to be held twice
  if (!head_only && !is_large) out_ += given.body;
  bool taken = co_await write(out_);
  if (taken && is_large) taken = co_await write(given.body);
  if (out_.capacity() > piece_bytes) std::string{}.swap(out_);
  co_return taken;
}

auto session::send_file(turn& t) -> task<bool> {
  sandbox::unique_fd file{::open(t.given.file->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) {
    t.given = failed(404, "the file is gone");
    co_return co_await send(t);
  }
  auto left = static_cast<std::uint64_t>(about.st_size);
  std::uint64_t at = 0;
  if (const auto& piece = t.given.piece) {
    at = std::min(piece->offset, left);
    left = std::min(piece->size, left - at);
  }
  out_.clear();
  write_head(out_, t.given, t.given.body.size() + left, t.keep_alive);
  const bool head_only = t.method == "HEAD";
  if (!head_only) out_ += t.given.body;
  bool taken = co_await write(out_);
  if (head_only) co_return taken;
  std::string piece;
  while (taken && left > 0) {
    piece.resize(std::min<std::uint64_t>(left, piece_bytes));
    auto n = ::pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (n <= 0) co_return false;  // it shrank: closing is the only way left to say so
    piece.resize(static_cast<std::size_t>(n));
    taken = co_await write(piece);
    left -= static_cast<std::uint64_t>(n);
    at += static_cast<std::uint64_t>(n);
  }
  co_return taken;
}

auto session::send_live(response& given) -> task<bool> {
  auto live = given.live;
  out_.clear();
  write_head(out_, given, std::nullopt, false);
  out_ += given.body;
  bool taken = co_await write(out_);
  if (!taken) co_return false;
  asio::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->watch_for_leaving(); }, asio::detached);
  live->start([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    asio::post(self->socket_.get_executor(), [self] {
      self->poked_ = true;
      self->wake_.cancel();
    });
  });
  while (taken && !closed_ && !hub_.draining) {
    poked_ = false;
    live_body::piece piece;
    const bool read = co_await read_piece(live, piece);
    if (!read) co_return false;
    if (!piece.bytes.empty()) taken = co_await write(piece.bytes);
    if (piece.ended || !taken) break;
    if (piece.more) continue;
    taken = co_await wait_for_poke();
  }
  co_return false;  // the end of the connection is the end of the stream
}

auto session::read_piece(std::shared_ptr<live_body> live, live_body::piece& into_here) -> task<bool> {
  struct result {
    std::mutex mutex;
    std::optional<live_body::piece> piece;
    bool done = false;
  };
  auto r = std::make_shared<result>();
  asio::post(hub_.readers, [r, live, weak = weak_from_this()] {
    std::optional<live_body::piece> piece;
    try {
      piece = live->next();
    } catch (const std::exception& e) {
      spdlog::error("an event stream failed: {}", e.what());
    }
    {
      std::scoped_lock lock{r->mutex};
      r->piece = std::move(piece);
      r->done = true;
    }
    if (auto self = weak.lock()) asio::post(self->socket_.get_executor(), [self] { self->wake_.cancel(); });
  });
  const auto until = clock::now() + hub_.lim.answer_time;
  allow(hub_.lim.answer_time + hub_.lim.write_time);
  error_code ec;
  while (!closed_ && clock::now() < until) {
    {
      std::scoped_lock lock{r->mutex};
      if (r->done) {
        if (r->piece) into_here = std::move(*r->piece);
        co_return r->piece.has_value();
      }
    }
    wake_.expires_at(until);
    co_await wake_.async_wait(into(ec));
  }
  co_return false;
}

auto session::wait_for_poke() -> task<bool> {
  const auto until = clock::now() + hub_.lim.heartbeat;
  allow(hub_.lim.heartbeat + hub_.lim.write_time);
  error_code ec;
  while (!poked_ && !closed_ && !hub_.draining) {
    if (clock::now() >= until) co_return co_await write(": still here\n\n");
    wake_.expires_at(until);
    co_await wake_.async_wait(into(ec));
  }
  co_return !closed_;
}

auto session::watch_for_leaving() -> task<> {
  std::array<char, 1024> forgotten;
  error_code ec;
  while (!ec && !closed_) co_await socket_.async_read_some(asio::buffer(forgotten), into(ec));
  close();
}

auto session::linger() -> task<> {
  constexpr std::size_t most = 32 << 20;
  error_code ec;
  std::vector<char> forgotten(piece_bytes);
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  allow(std::min(hub_.lim.header_time, std::chrono::milliseconds{5000}));
  for (std::size_t total = 0; !ec && !closed_ && total < most;) {
    total += co_await socket_.async_read_some(asio::buffer(forgotten), into(ec));
  }
}

}  // namespace lazaret::http
