#include "actors/run.hpp"

#include <array>
#include <cstdio>

namespace lazaret::actors {
namespace {

template <class Enum>
struct words;

template <>
struct words<mode> {
  static constexpr std::array<std::string_view, 4> all{"install", "execute", "execute_module", "full"};
};
template <>
struct words<status> {
  static constexpr std::array<std::string_view, 5> all{"queued", "running", "completed", "failed", "canceled"};
};
template <>
struct words<verdict> {
  static constexpr std::array<std::string_view, 4> all{"benign", "suspicious", "malicious", "inconclusive"};
};
template <>
struct words<severity> {
  static constexpr std::array<std::string_view, 5> all{"info", "low", "medium", "high", "critical"};
};
template <>
struct words<work_stage> {
  static constexpr std::array<std::string_view, 4> all{"download", "execution", "analysis", "report"};
};
template <>
struct words<delivery_status> {
  static constexpr std::array<std::string_view, 4> all{"none", "pending", "delivered", "failed"};
};
template <>
struct words<artefact_kind> {
  static constexpr std::array<std::string_view, 2> all{"wheel", "sdist"};
};

template <class Enum>
std::string_view word_of(Enum e) noexcept {
  const auto index = static_cast<std::size_t>(e);
  return index < words<Enum>::all.size() ? words<Enum>::all[index] : std::string_view{};
}

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count, int least, int most) {
  int value = 0;
  if (text.size() < from + count) return std::nullopt;
  for (const char c : text.substr(from, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value < least || value > most) return std::nullopt;
  return value;
}

}  // namespace

std::string_view name(mode m) noexcept { return word_of(m); }
std::string_view name(status s) noexcept { return word_of(s); }
std::string_view name(verdict v) noexcept { return word_of(v); }
std::string_view name(severity s) noexcept { return word_of(s); }
std::string_view name(work_stage s) noexcept { return word_of(s); }
std::string_view name(delivery_status s) noexcept { return word_of(s); }
std::string_view name(artefact_kind k) noexcept { return word_of(k); }

template <class Enum>
std::optional<Enum> parse(std::string_view word) noexcept {
  for (std::size_t i = 0; i < words<Enum>::all.size(); ++i)
    if (words<Enum>::all[i] == word) return static_cast<Enum>(i);
  return std::nullopt;
}
template std::optional<mode> parse<mode>(std::string_view) noexcept;
template std::optional<status> parse<status>(std::string_view) noexcept;
template std::optional<verdict> parse<verdict>(std::string_view) noexcept;
template std::optional<severity> parse<severity>(std::string_view) noexcept;
template std::optional<work_stage> parse<work_stage>(std::string_view) noexcept;
template std::optional<delivery_status> parse<delivery_status>(std::string_view) noexcept;
template std::optional<artefact_kind> parse<artefact_kind>(std::string_view) noexcept;

std::string iso8601(std::chrono::system_clock::time_point t) {
  using namespace std::chrono;
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss time{floor<milliseconds>(t - day)};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

std::optional<std::chrono::system_clock::time_point> from_iso8601(std::string_view text) noexcept {
  using namespace std::chrono;
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] != '0' && text[i] != form[i]) return std::nullopt;
  const auto y = digits(text, 0, 4, 0, 9999), mo = digits(text, 5, 2, 1, 12), d = digits(text, 8, 2, 1, 31);
  const auto h = digits(text, 11, 2, 0, 23), mi = digits(text, 14, 2, 0, 59), s = digits(text, 17, 2, 0, 59);
  const auto ms = digits(text, 20, 3, 0, 999);
  if (!y || !mo || !d || !h || !mi || !s || !ms) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  return sys_days{date} + hours{*h} + minutes{*mi} + seconds{*s} + milliseconds{*ms};
}

std::filesystem::path run_folder(const run_places& places, std::string_view run_id) {
  std::error_code bad;
  auto old = places.former / "runs" / run_id;
  if (!places.former.empty() && std::filesystem::is_directory(old, bad)) return old;
  return places.blob_dir / "runs" / run_id;
}

}  // namespace lazaret::actors
