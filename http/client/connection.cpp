#include "http/client/connection.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace lazaret::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using beast::error_code;

constexpr std::chrono::seconds connect_time{10};
constexpr std::chrono::seconds answer_time{30};
constexpr std::chrono::seconds silence{60};  ///< the server shows that it is alive every 15 s
constexpr std::uint64_t reply_bytes = 256u << 20;
constexpr std::size_t event_bytes = 4u << 20;

/// One exchange, each step run to its end on the calling thread; Beast's time-outs exist for asynchronous steps only.
class exchange {
 public:
  error_code open(const address& server) {
    error_code ec;
    tcp::resolver resolver{io_};
    const auto found = resolver.resolve(server.host, server.port, ec);
    if (ec) return ec;
    stream_.expires_after(connect_time);
    stream_.async_connect(found, [&ec](error_code e, const tcp::endpoint&) { ec = e; });
    run();
    return ec;
  }
  error_code write(http::request<http::string_body>& request) {
    error_code ec;
    stream_.expires_after(answer_time);
    http::async_write(stream_, request, [&ec](error_code e, std::size_t) { ec = e; });
    run();
    return ec;
  }
  error_code read(http::response_parser<http::string_body>& parser) {
    error_code ec;
    stream_.expires_after(answer_time);
    http::async_read(stream_, buffer_, parser, [&ec](error_code e, std::size_t) { ec = e; });
    run();
    return ec;
  }
  error_code read_some(http::response_parser<http::string_body>& parser) {
    error_code ec;
    stream_.expires_after(silence);
    http::async_read_some(stream_, buffer_, parser, [&ec](error_code e, std::size_t) { ec = e; });
    run();
    return ec;
  }

 private:
  void run() {
    io_.restart();
    io_.run();
  }
  asio::io_context io_;
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_;
};

sandbox::failure away(const address& server, const error_code& ec) {
  return {"lazaret", 0, "http://" + server.host + ":" + server.port + ": " + ec.message(),
          "is lazaretd running there? --server or LAZARET_URL says where"};
}

}  // namespace

sandbox::result<address> parse_server(std::string_view text) {
  const auto url = boost::urls::parse_uri({text.data(), text.size()});
  const auto subject = "`" + std::string{text} + "`";
  if (!url || url->host().empty()) return sandbox::failure{"server", 0, subject, "must look like http://HOST:PORT"};
  if (url->scheme() == "https")
    return sandbox::failure{"server", 0, subject, "TLS is not spoken here: use http:// to loopback or a tunnel"};
  if (url->scheme() != "http") return sandbox::failure{"server", 0, subject, "must begin with http://"};
  if (url->has_userinfo() || url->has_query() || url->has_fragment()) {
    return sandbox::failure{"server", 0, subject, "must hold nothing but host, port and path"};
  }
  address found{url->host_address(), std::string{url->port()}, std::string{url->encoded_path()}};
  if (!found.prefix.empty() && found.prefix.front() != '/') {
    return sandbox::failure{"server", 0, subject, "must look like http://HOST:PORT"};
  }
  if (found.port.empty()) found.port = "80";
  std::uint16_t number = 0;
  const auto* end = found.port.data() + found.port.size();
  if (auto [at, ec] = std::from_chars(found.port.data(), end, number); ec != std::errc{} || at != end || number == 0) {
    return sandbox::failure{"server", 0, subject, "its port must be a number from 1 to 65535"};
  }
  while (!found.prefix.empty() && found.prefix.back() == '/') found.prefix.pop_back();
  return found;
}

void event_reader::feed(std::string_view bytes, const taker& take) {
  rest_ += bytes;
  std::size_t at = 0;
  for (auto end = rest_.find('\n', at); end != rest_.npos; end = rest_.find('\n', at)) {
    line(std::string_view{rest_}.substr(at, end - at), take);
    at = end + 1;
  }
  rest_.erase(0, at);
  if (rest_.size() > event_bytes) rest_.clear();
}

void event_reader::line(std::string_view text, const taker& take) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.empty()) {
    if (has_data_) take(current_);
    current_ = {.id = current_.id, .type = {}, .data = {}};
    has_data_ = false;
    return;
  }
  const auto colon = std::min(text.find(':'), text.size());
  const auto field = text.substr(0, colon);
  auto value = text.substr(std::min(colon + 1, text.size()));
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "id") std::from_chars(value.data(), value.data() + value.size(), current_.id);
  if (field == "event") current_.type = value;
  if (field != "data" || current_.data.size() + value.size() > event_bytes) return;
  if (has_data_) current_.data += '\n';
  current_.data += value;
  has_data_ = true;
}

connection::connection(address server, std::string token) : server_{std::move(server)}, token_{std::move(token)} {}

namespace {

http::request<http::string_body> make_request(const address& server, const std::string& token, std::string_view method,
                                              std::string_view target, std::string_view body) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target(server.prefix + std::string{target});
  const bool v6 = server.host.find(':') != server.host.npos;
  request.set(http::field::host, (v6 ? "[" + server.host + "]" : server.host) + ":" + server.port);
  request.set(http::field::user_agent, "lazaret/" LAZARET_VERSION);
  request.set(http::field::connection, "close");
  if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  if (!body.empty()) request.prepare_payload();
  return request;
}

}  // namespace

sandbox::result<reply> connection::ask(std::string_view method, std::string_view target, std::string_view body) {
  exchange x;
  if (auto ec = x.open(server_)) return away(server_, ec);
  auto request = make_request(server_, token_, method, target, body);
  if (auto ec = x.write(request)) return away(server_, ec);
  http::response_parser<http::string_body> parser;
  parser.body_limit(reply_bytes);
  if (auto ec = x.read(parser)) return away(server_, ec);
  return reply{parser.get().result_int(), std::move(parser.get().body())};
}

sandbox::result<reply> connection::follow(std::string_view target, std::uint64_t& last,
                                          const event_reader::taker& take) {
  exchange x;
  if (auto ec = x.open(server_)) return away(server_, ec);
  auto request = make_request(server_, token_, "GET", target, {});
  if (last > 0) request.set("Last-Event-ID", std::to_string(last));
  if (auto ec = x.write(request)) return away(server_, ec);
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  event_reader reader;
  while (!parser.is_done()) {
    auto ec = x.read_some(parser);
    auto& arrived = parser.get().body();
    if (parser.is_header_done() && parser.get().result_int() == 200) {
      reader.feed(arrived, [&](const event& e) {
        last = e.id;
        take(e);
      });
      arrived.clear();
    }
    if (ec == http::error::end_of_stream) break;
    if (ec) return away(server_, ec);
  }
  return reply{parser.get().result_int(), parser.get().body()};
}

}  // namespace lazaret::client
