#include "http/message.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <ctime>

#include "actors/json.hpp"

namespace lazaret::http {
namespace {

/// IMF-fixdate (RFC 9110, section 5.6.7), made once a second per thread.
std::string_view date_now() {
  thread_local std::time_t made_at = -1;
  thread_local char text[32];
  thread_local std::size_t length = 0;
  if (auto now = std::time(nullptr); now != made_at) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made_at = now;
  }
  return {text, length};
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

response failed(unsigned status, std::string_view detail) {
  response r;
  r.status = status;
  r.body = "{\"detail\":" + boost::json::serialize(boost::json::string{actors::valid_utf8(detail)}) + "}";
  return r;
}

std::string_view reason_phrase(unsigned status) noexcept {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

void write_head(std::string& out, const response& r, std::optional<std::uint64_t> length, bool keep_alive) {
  out += "HTTP/1.1 ";
  append_number(out, r.status);
  out += ' ';
  out += reason_phrase(r.status);
  out += "\r\nServer: lazaret\r\nDate: ";
  out += date_now();
  if (r.status != 204) {
    out += "\r\nContent-Type: ";
    out += r.content_type;
    if (length) {
      out += "\r\nContent-Length: ";
      append_number(out, *length);
    }
  }
  out += "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  for (const auto& [name, value] : r.headers) {
    out += name;
    out += ": ";
    // A line break here would begin a header of somebody else's choice.
    for (char c : value) out += (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
    out += "\r\n";
  }
  if (!keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
}

}  // namespace lazaret::http
