#include "actors/report/webhook_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>

namespace lazaret::report {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t most_answer = 64 * 1024;  ///< read of an answer; the rest is thrown away unread

struct easy_close {
  void operator()(CURL* h) const { ::curl_easy_cleanup(h); }
};
struct mime_close {
  void operator()(curl_mime* m) const { ::curl_mime_free(m); }
};
struct list_close {
  void operator()(curl_slist* l) const { ::curl_slist_free_all(l); }
};
struct url_close {
  void operator()(CURLU* u) const { ::curl_url_cleanup(u); }
};

void prepare_library() {
  static const bool once = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  static_cast<void>(once);
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, url_close> parts{::curl_url()};
  char* host = nullptr;
  if (!parts || ::curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      ::curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return "the receiver";
  std::string out{host};
  ::curl_free(host);
  return out;
}

struct answer {
  CURLcode transport = CURLE_OK;
  int status = 0;
  std::string retry_after, body;
};

std::size_t keep_body(char* data, std::size_t, std::size_t count, void* to) {
  auto& body = static_cast<answer*>(to)->body;
  body.append(data, std::min(count, most_answer - std::min(body.size(), most_answer)));
  return body.size() < most_answer ? count : 0;  // 0 ends the transfer: more than that nobody needs to say
}

int look_for_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

std::unique_ptr<curl_mime, mime_close> form_of(CURL* handle, const webhook_message& message) {
  std::unique_ptr<curl_mime, mime_close> form{::curl_mime_init(handle)};
  auto* part = ::curl_mime_addpart(form.get());
  ::curl_mime_name(part, "payload_json");
  ::curl_mime_type(part, "application/json");
  ::curl_mime_data(part, message.payload_json.data(), message.payload_json.size());
  for (std::size_t i = 0; i < message.files.size(); ++i) {
    const auto& file = message.files[i];
    part = ::curl_mime_addpart(form.get());
    ::curl_mime_name(part, ("files[" + std::to_string(i) + "]").c_str());
    ::curl_mime_filedata(part, file.file.c_str());
    ::curl_mime_filename(part, file.name.c_str());
    ::curl_mime_type(part, file.content_type.c_str());
  }
  return form;
}

answer post(const std::string& url, const webhook_message& message, const delivery_options& o,
            const std::stop_token& stop) {
  answer out;
  const std::unique_ptr<CURL, easy_close> handle{::curl_easy_init()};
  auto* h = handle.get();
  if (h == nullptr) return out.transport = CURLE_OUT_OF_MEMORY, out;
  const auto form = form_of(h, message);
  std::unique_ptr<curl_slist, list_close> headers{::curl_slist_append(nullptr, "Expect:")};
  if (!o.idempotency_key.empty())
    headers.reset(::curl_slist_append(headers.release(), ("Idempotency-Key: " + o.idempotency_key).c_str()));
  ::curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(h, CURLOPT_USERAGENT, "lazaret/" LAZARET_VERSION);
  ::curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers.get());
  ::curl_easy_setopt(h, CURLOPT_MIMEPOST, form.get());
  ::curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(o.connect_timeout.count()));
  ::curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, static_cast<long>(o.timeout.count()));
  ::curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);  // no SIGALRM in a process of many threads
  ::curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, keep_body);
  ::curl_easy_setopt(h, CURLOPT_WRITEDATA, &out);
  ::curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look_for_stop);
  ::curl_easy_setopt(h, CURLOPT_XFERINFODATA, &stop);
  out.transport = ::curl_easy_perform(h);
  long status = 0;
  ::curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  // The status says it all: an answer whose body was too long, or that broke off, is an answer.
  if (out.transport == CURLE_WRITE_ERROR || out.transport == CURLE_PARTIAL_FILE) out.transport = CURLE_OK;
  if (curl_header* header = nullptr; ::curl_easy_header(h, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
    out.retry_after = header->value;
  return out;
}

/// False when a stop was requested meanwhile.
bool pause_for(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wakes;
  std::unique_lock lock{mutex};
  wakes.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

milliseconds backoff(int attempt, const delivery_options& o) {
  thread_local std::minstd_rand dice{std::random_device{}()};
  auto wait = o.first_backoff;
  for (int i = 1; i < attempt && wait < o.longest_wait; ++i) wait *= 2;
  wait = std::min(wait, o.longest_wait);
  return std::chrono::duration_cast<milliseconds>(wait * std::uniform_real_distribution{0.5, 1.0}(dice));
}

}  // namespace

milliseconds asked_to_wait(std::string_view header, std::string_view body, std::chrono::system_clock::time_point now) {
  constexpr double most = 86'400;
  double seconds = 0;
  if (const auto [end, bad] = std::from_chars(header.data(), header.data() + header.size(), seconds);
      bad != std::errc{} || end != header.data() + header.size() || !std::isfinite(seconds)) {
    const auto date = ::curl_getdate(std::string{header}.c_str(), nullptr);
    seconds = date < 0 ? 0 : std::chrono::duration<double>(std::chrono::system_clock::from_time_t(date) - now).count();
  }
  boost::system::error_code bad;
  const auto answer = boost::json::parse(body, bad);
  if (const auto* object = bad ? nullptr : answer.if_object())
    if (const auto* asked = object->if_contains("retry_after"); asked && asked->is_number())
      seconds = std::max(seconds, asked->to_number<double>());
  return milliseconds{std::llround(std::clamp(seconds, 0.0, most) * 1000)};
}

delivery deliver(const std::string& url, const webhook_message& message, const delivery_options& options,
                 std::stop_token stop) {
  prepare_library();
  delivery out;
  const auto host = host_of(url);
  while (!stop.stop_requested()) {
    ++out.attempts;
    const auto got = post(url, message, options, stop);
    out.status = got.status;
    if (got.transport == CURLE_ABORTED_BY_CALLBACK) break;
    if (got.transport == CURLE_OK && got.status >= 200 && got.status < 300)
      return out.delivered = true, out.error.clear(), out;
    out.error = got.transport == CURLE_OK ? host + " answered " + std::to_string(got.status)
                                          : host + ": " + ::curl_easy_strerror(got.transport);
    // What the operator wrote wrong does not get better by itself.
    const bool hopeless = got.transport == CURLE_URL_MALFORMAT || got.transport == CURLE_UNSUPPORTED_PROTOCOL ||
                          (got.transport == CURLE_OK && got.status != 429 && got.status < 500);
    out.may_succeed_later = !hopeless;
    out.asked = asked_to_wait(got.retry_after, got.body, std::chrono::system_clock::now());
    if (hopeless || out.attempts >= options.attempts) return out;
    if (!pause_for(std::min(std::max(backoff(out.attempts, options), out.asked), options.longest_wait), stop)) break;
  }
  out.error = "delivery to " + host + " was canceled";
  return out;
}

}  // namespace lazaret::report
