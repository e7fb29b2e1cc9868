#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "http/relay/engine.hpp"

namespace lazaret::http {
namespace {

constexpr std::size_t largest_question = 512, most_known_addresses = 4096;

}  // namespace

asio::awaitable<void> relay::engine::hear_questions(side_pointer jail) {
  std::array<char, largest_question> room;
  for (error_code ec; jail->names.is_open();) {
    udp::endpoint from;
    const auto n = co_await jail->names.async_receive_from(asio::buffer(room), from, resume_into(ec));
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) co_return;
    if (ec || jail->asking >= options_.most_questions) continue;
    auto q = read_question({room.data(), n});
    if (q) asio::co_spawn(io_, answer_datagram(jail, std::move(*q), from), asio::detached);
  }
}

asio::awaitable<void> relay::engine::answer_datagram(side_pointer jail, name_question q, udp::endpoint from) {
  const auto answer = co_await look_up(jail, q);
  if (!jail->names.is_open()) co_return;
  const auto message = write_answer(q, answer);
  error_code ec;
  jail->names.send_to(asio::buffer(message), from, 0, ec);  // non-blocking: what doesn't fit is asked again
}

/// RFC 1035 section 4.2.2: each message after its length.
asio::awaitable<void> relay::engine::answer_stream(const connection_pointer& c) {
  std::array<unsigned char, 2 + largest_question> room;
  for (error_code ec;;) {
    c->moved = std::chrono::steady_clock::now();
    watch(c, options_.connect_time);
    co_await asio::async_read(c->inside, asio::buffer(room.data(), 2), resume_into(ec));
    const std::size_t size = room[0] << 8 | room[1];
    if (ec || size > largest_question) co_return;
    co_await asio::async_read(c->inside, asio::buffer(room.data(), size), resume_into(ec));
    if (ec) co_return;
    const auto q = read_question({reinterpret_cast<const char*>(room.data()), size});
    if (!q) co_return;
    const auto answer = co_await look_up(c->jail, *q);
    auto message = write_answer(*q, answer);
    const std::array<char, 2> length{static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xff)};
    message.insert(0, length.data(), length.size());
    co_await asio::async_write(c->inside, asio::buffer(message), resume_into(ec));
    if (ec) co_return;
  }
}

bool relay::engine::is_reachable(const ip_address& a) { return !sandbox::why_forbidden(a) && ways_.to(a) != way::home; }

asio::awaitable<name_answer> relay::engine::look_up(const side_pointer& jail, const name_question& q) {
  const auto& only = jail->terms.only_hosts;
  const auto refuse = [&](name_code code) {
    meters_.relay_lookup("refused");
    return name_answer{code, {}, {}};
  };
  if (q.type != name_type::a && q.type != name_type::aaaa) co_return refuse(name_code::found);
  if (!only.empty() && std::ranges::find(only, q.name) == only.end()) co_return refuse(name_code::unknown);
  if (++jail->asked > options_.most_attempts) co_return refuse(name_code::failed);
  // A program that gets such an address takes it first, sees it connected (to us) and then lost, and gives up.
  if (q.type == name_type::aaaa && ways_.to(sandbox::public_v6().base) != way::outwards)
    co_return name_answer{name_code::found, {}, {}};
  ++jail->asking;
  std::optional<name_answer> got;
  for (const auto& resolver : resolvers_) {
    got = co_await ask(resolver, q);
    if (got && got->code != name_code::failed) break;
  }
  --jail->asking;
  if (!got || got->code == name_code::failed) {
    meters_.relay_lookup("failed");
    co_return name_answer{};
  }
  if (!std::ranges::all_of(got->addresses, [this](const auto& a) { return is_reachable(a); }))
    co_return refuse(name_code::unknown);
  if (!only.empty() && jail->known.size() < most_known_addresses)
    jail->known.insert(got->addresses.begin(), got->addresses.end());
  meters_.relay_lookup("answered");
  co_return std::move(*got);
}

/// From a port of its own and with an id of its own each time, so that nobody else's answer is taken (RFC 5452).
asio::awaitable<std::optional<name_answer>> relay::engine::ask(const udp::endpoint& resolver, const name_question& q) {
  const auto socket = std::make_shared<udp::socket>(io_);
  name_question own = q;
  if (::getrandom(&own.id, sizeof own.id, 0) != sizeof own.id) co_return std::nullopt;
  error_code ec;
  socket->open(resolver.protocol(), ec);
  if (!ec) socket->connect(resolver, ec);
  if (!ec) socket->send(asio::buffer(write_question(own)), 0, ec);
  asio::steady_timer timer{io_, options_.resolver_time};
  timer.async_wait([weak = std::weak_ptr{socket}](error_code canceled) {
    error_code ignored;
    if (const auto alive = weak.lock(); alive && !canceled) alive->close(ignored);
  });
  std::array<char, 4096> room;
  while (!ec) {
    const auto n = co_await socket->async_receive(asio::buffer(room), resume_into(ec));
    if (ec) break;
    auto answer = read_answer({room.data(), n}, own);
    if (answer) co_return answer;
  }
  co_return std::nullopt;
}

}  // namespace lazaret::http
