#pragma once
/// How a coroutine of http/ waits: `co_await socket.async_x(..., into(ec))` resumes with the error in `ec`, throws
/// nothing.

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/hub.hpp"

namespace lazaret::http {

inline auto into(boost::system::error_code& ec) {
  return boost::asio::redirect_error(boost::asio::use_awaitable_t<strand>{}, ec);
}

}  // namespace lazaret::http
