#include "actors/download/fetcher.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "actors/download/resolver.hpp"

namespace lazaret::download {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t largest_header_block = 256 << 10;  // of one response; curl alone bounds a line, not their number
constexpr std::size_t largest_error_body = 64 << 10;     // read to keep the connection usable; then it is dropped

bool is_https(std::string_view url) { return url.size() > 8 && ::curl_strnequal(url.data(), "https://", 8) != 0; }
bool is_http(std::string_view url) { return url.size() > 7 && ::curl_strnequal(url.data(), "http://", 7) != 0; }

/// URLs come from strangers' pages and end in logs and reports.
std::string shown(std::string_view url) {
  std::string text{url.substr(0, 300)};
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return url.size() > 300 ? text + "..." : text;
}

struct host_and_port {
  std::string host, port;
};

std::optional<host_and_port> split(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&::curl_url_cleanup)> parsed{::curl_url(), &::curl_url_cleanup};
  char* host = nullptr;
  char* port = nullptr;
  std::optional<host_and_port> found;
  if (parsed && ::curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      ::curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) == CURLUE_OK &&
      ::curl_url_get(parsed.get(), CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
    found = {host, port};
  ::curl_free(host);
  ::curl_free(port);
  return found;
}

/// One answer of one server: what came, or why it didn't, and whether asking again could help.
struct reply {
  long status = 0;
  std::string redirect;
  fetched got;
  std::optional<download_error> error;
  bool may_retry = false;
  milliseconds retry_after{0};
};

reply failed(problem what, std::string text, bool may_retry = false) {
  reply r;
  r.error = download_error{what, std::move(text)};
  r.may_retry = may_retry;
  return r;
}

}  // namespace

/// Handles to be used again, so that connections and TLS sessions are, and what all transfers share.
struct fetcher::pool {
  explicit pool(const fetch_options& options) : dns{{options.dns_resolvers}} {}
  std::mutex mutex;
  std::vector<std::unique_ptr<transfer>> idle;
  resolver dns;
  std::atomic<bool> index_is_private{false};  // the index was reached at a private address: an internal mirror
};

/// One easy handle in a multi handle of its own: the multi interface is the one that another thread can wake.
struct fetcher::transfer {
  CURLM* multi = ::curl_multi_init();
  CURL* easy = ::curl_easy_init();
  pool* shared = nullptr;

  // Of the request under way
  const fetch_request* request = nullptr;
  sink* into = nullptr;
  std::uint64_t written = 0;
  std::size_t header_bytes = 0, discarded = 0;
  bool has_body = false, sent_excess = false, host_is_trusted = false, only_host_is_trusted = false;
  std::string refused_address;
  std::optional<download_error> stopped_by;  // why a callback gave up

  ~transfer() {
    ::curl_easy_cleanup(easy);
    ::curl_multi_cleanup(multi);
  }

  reply perform(const std::string& url, const fetch_options& options, clock::time_point deadline,
                const std::stop_token& stop);
  bool accept_body(std::string_view bytes);
  void set_up(const std::string& url, const fetch_options& options, milliseconds left, curl_slist* headers,
              curl_slist* addresses);
  reply conclude(CURLcode code, const std::string& url, const std::stop_token& stop);

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<transfer*>(self)->accept_body({data, size}) ? size : CURL_WRITEFUNC_ERROR;
  }
  static std::size_t on_header(char*, std::size_t, std::size_t size, void* self) {
    auto& t = *static_cast<transfer*>(self);
    t.header_bytes += size;
    if (t.header_bytes <= largest_header_block) return size;
    t.stopped_by = download_error{problem::transport, "the server's headers don't end"};
    return 0;
  }
  /// libcurl drops bytes past the Content-Length and only mentions it; a server that does so lies about length.
  static int on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* self) {
    if (type == CURLINFO_TEXT && std::string_view{data, size}.starts_with("Excess found"))
      static_cast<transfer*>(self)->sent_excess = true;
    return 0;
  }
  /// The address at last, after every resolver and redirect: the one place where a name can't say one thing and mean
  /// another.
  static curl_socket_t on_socket(void* self, curlsocktype, curl_sockaddr* a) {
    auto& t = *static_cast<transfer*>(self);
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* raw = a->family == AF_INET ? static_cast<void*>(&reinterpret_cast<sockaddr_in*>(&a->addr)->sin_addr)
                                           : static_cast<void*>(&reinterpret_cast<sockaddr_in6*>(&a->addr)->sin6_addr);
    if ((a->family != AF_INET && a->family != AF_INET6) ||
        ::inet_ntop(a->family, raw, text.data(), text.size()) == nullptr)
      return CURL_SOCKET_BAD;
    if (is_private_address(text.data())) {
      if (t.host_is_trusted) t.shared->index_is_private = true;
      if (!t.host_is_trusted && (t.only_host_is_trusted || !t.shared->index_is_private)) {
        t.refused_address = text.data();
        return CURL_SOCKET_BAD;
      }
    }
    return ::socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
  }
};

bool fetcher::transfer::accept_body(std::string_view bytes) {
  if (!has_body) {
    long status = 0;
    ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
      discarded += bytes.size();
      return discarded <= largest_error_body;
    }
    has_body = true;
    curl_off_t announced = -1;
    ::curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0 && static_cast<std::uint64_t>(announced) > request->largest) {
      stopped_by = download_error{problem::cap_exceeded, "announces " + std::to_string(announced) +
                                                             " bytes, more than " + std::to_string(request->largest)};
      return false;
    }
    if (announced > 0 && request->budget && !request->budget->has_room_for(static_cast<std::uint64_t>(announced))) {
      stopped_by = download_error{problem::cap_exceeded, std::string{cap_text}};
      return false;
    }
  }
  if (bytes.size() > request->largest - written) {
    stopped_by =
        download_error{problem::cap_exceeded, "sends more than " + std::to_string(request->largest) + " bytes"};
  } else if (request->budget && !request->budget->take(bytes.size())) {
    stopped_by = download_error{problem::cap_exceeded, std::string{cap_text}};
  } else if (!into->write(bytes)) {
    stopped_by = download_error{problem::local, "can't keep the download: " + into->local_error()};
  } else {
    written += bytes.size();
    return true;
  }
  return false;
}

void fetcher::transfer::set_up(const std::string& url, const fetch_options& options, milliseconds left,
                               curl_slist* headers, curl_slist* addresses) {
  written = 0;
  header_bytes = discarded = 0;
  has_body = sent_excess = false;
  refused_address.clear();
  stopped_by.reset();
  ::curl_easy_reset(easy);
  const auto set = [this](CURLoption option, auto value) { ::curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, url.c_str());
  // What it may speak, and to whom
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // follow() does it, with a check at each hop
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_PROXY, "");  // the environment's proxies are no setting of ours
  set(CURLOPT_OPENSOCKETFUNCTION, &transfer::on_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_RESOLVE, addresses);
  // TLS: both checks are curl's defaults, said aloud
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  // How long
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.low_speed));
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.low_speed_time.count()));
  set(CURLOPT_NOSIGNAL, 1L);
  // What is said and heard
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_HTTPHEADER, headers);
  if (request->compressed) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_DEBUGFUNCTION, &transfer::on_debug);
  set(CURLOPT_DEBUGDATA, this);
  set(CURLOPT_VERBOSE, 1L);
}

reply fetcher::transfer::perform(const std::string& url, const fetch_options& options, clock::time_point deadline,
                                 const std::stop_token& stop) {
  const auto place = split(url);
  if (!place) return failed(problem::refused, "not a URL: " + shown(url));
  only_host_is_trusted = !options.trusted_port.empty();
  host_is_trusted =
      place->host == options.trusted_host && (!only_host_is_trusted || place->port == options.trusted_port);
  std::string resolve;
  for (const auto& address : shared->dns.addresses_of(place->host, stop))
    resolve += (resolve.empty() ? "+" + place->host + ":" + place->port + ":" : ",") + address;
  if (stop.stop_requested()) return failed(problem::canceled, "canceled");

  const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
  if (left.count() <= 0) return failed(problem::timeout, "no answer in time: " + shown(url));
  using list = std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;
  const list headers{::curl_slist_append(nullptr, ("Accept: " + request->accept).c_str()), &::curl_slist_free_all};
  const list addresses{resolve.empty() ? nullptr : ::curl_slist_append(nullptr, resolve.c_str()),
                       &::curl_slist_free_all};
  set_up(url, options, left, headers.get(), addresses.get());

  ::curl_multi_add_handle(multi, easy);
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  {
    const std::stop_callback wake{stop, [this] { ::curl_multi_wakeup(multi); }};
    for (int running = 1; !stop.stop_requested();) {
      if (::curl_multi_perform(multi, &running) != CURLM_OK) break;
      if (running == 0) {
        int queued = 0;
        if (const auto* message = ::curl_multi_info_read(multi, &queued)) code = message->data.result;
        break;
      }
      ::curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
  }
  auto concluded = conclude(code, url, stop);
  ::curl_multi_remove_handle(multi, easy);
  return concluded;
}

reply fetcher::transfer::conclude(CURLcode code, const std::string& url, const std::stop_token& stop) {
  if (stop.stop_requested()) return failed(problem::canceled, "canceled");
  if (stopped_by) {
    auto text = stopped_by->text == cap_text ? stopped_by->text : shown(url) + ": " + stopped_by->text;
    return failed(stopped_by->what, std::move(text));
  }
  reply r;
  ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &r.status);
  const bool gave_up_error_body = code == CURLE_WRITE_ERROR && r.status != 200;
  if (code != CURLE_OK && !gave_up_error_body) {
    const auto text = shown(url) + ": " + ::curl_easy_strerror(code);
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT:
        return failed(problem::timeout, "no answer in time: " + shown(url), true);
      case CURLE_URL_MALFORMAT:
      case CURLE_LOGIN_DENIED:
        return failed(problem::refused, text);
      case CURLE_UNSUPPORTED_PROTOCOL:  // the scheme was checked: this is an answer without a status line
        return failed(problem::transport, shown(url) + ": the answer is not HTTP", true);
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
        return failed(problem::transport, text);
      case CURLE_PARTIAL_FILE:
        return failed(problem::transport, shown(url) + ": fewer bytes came than its Content-Length says", true);
      case CURLE_COULDNT_CONNECT:
        if (!refused_address.empty())
          return failed(problem::refused, shown(url) + ": a public index may not lead to " + refused_address);
        [[fallthrough]];
      default:
        return failed(problem::transport, text, true);
    }
  }
  if (r.status == 200 && sent_excess)
    return failed(problem::transport, shown(url) + ": more bytes came than its Content-Length says", true);
  const auto text_of = [this](CURLINFO what) {
    const char* text = nullptr;
    ::curl_easy_getinfo(easy, what, &text);
    return std::string{text ? text : ""};
  };
  r.redirect = text_of(CURLINFO_REDIRECT_URL);
  r.got = {url, text_of(CURLINFO_CONTENT_TYPE), written};
  curl_off_t seconds = 0;
  ::curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
  r.retry_after = milliseconds{std::clamp<curl_off_t>(seconds, 0, 3600) * 1000};
  return r;
}

fetcher::fetcher(fetch_options options) : options_{std::move(options)} {
  static const auto once = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
  pool_ = std::make_unique<pool>(options_);
}

fetcher::~fetcher() = default;

result<fetched> fetcher::get(const fetch_request& request, sink& into, std::stop_token stop) {
  std::unique_ptr<transfer> t;
  {
    const std::scoped_lock lock{pool_->mutex};
    if (!pool_->idle.empty()) {
      t = std::move(pool_->idle.back());
      pool_->idle.pop_back();
    }
  }
  if (!t) t = std::make_unique<transfer>();
  t->shared = pool_.get();
  auto got = follow(*t, request, into, stop);
  t->request = nullptr;
  t->into = nullptr;
  const std::scoped_lock lock{pool_->mutex};
  if (pool_->idle.size() < 8) pool_->idle.push_back(std::move(t));
  return got;
}

/// Redirects and retries. A retry begins at the first URL again: redirects to file stores are signed and short-lived.
result<fetched> fetcher::follow(transfer& t, const fetch_request& request, sink& into, const std::stop_token& stop) {
  t.request = &request;
  t.into = &into;
  const auto deadline = clock::now() + options_.total;
  std::string url = request.url;
  int hops = 0;
  for (int attempt = 0;;) {
    if (stop.stop_requested()) return download_error{problem::canceled, "canceled"};
    if (!is_http(url) && !is_https(url))
      return download_error{problem::refused, "neither http nor https: " + shown(url)};
    if (hops == 0 && !into.restart())
      return download_error{problem::local, "can't keep the download: " + into.local_error()};

    auto r = t.perform(url, options_, deadline, stop);
    if (!r.error && r.status == 200) return r.got;
    if (!r.error && !r.redirect.empty()) {
      if (is_https(url) && !is_https(r.redirect))
        return download_error{problem::refused, "a redirect from https to " + shown(r.redirect) + " is refused"};
      if (++hops > options_.redirects)
        return download_error{problem::refused, "more than " + std::to_string(options_.redirects) + " redirects from " +
                                                    shown(request.url)};
      url = std::move(r.redirect);
      continue;
    }
    if (!r.error) {
      const auto text = shown(url) + ": the server answers " + std::to_string(r.status);
      if (r.status == 404 || r.status == 410)
        r.error = download_error{problem::not_found, text};
      else
        r.error = download_error{problem::transport, text};
      r.may_retry = r.status == 429 || r.status >= 500;
    }
    if (!r.may_retry || attempt == options_.retries) return *r.error;
    auto wait = std::max(options_.first_backoff * (1 << attempt), r.retry_after);
    wait = std::min(wait, options_.longest_backoff);
    if (clock::now() + wait >= deadline) return *r.error;
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any{}.wait_for(lock, stop, wait, [] { return false; });
    ++attempt;
    url = request.url;
    hops = 0;
  }
}

}  // namespace lazaret::download
