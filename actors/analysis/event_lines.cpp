#include "actors/analysis/event_lines.hpp"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/unique_fd.hpp"

namespace lazaret::analysis {
namespace {

namespace dom = simdjson::dom;

// Every getter answers a default for what is missing or of another type: a forged line is no reason to stop.
std::string text_of(const dom::object& in, std::string_view key) {
  std::string_view out;
  return in[key].get(out) == simdjson::SUCCESS ? std::string{out} : std::string{};
}
std::int64_t number_of(const dom::object& in, std::string_view key) {
  std::int64_t out = 0;
  return in[key].get(out) == simdjson::SUCCESS ? out : 0;
}

bool parse_line(dom::object in, audit_line& out) {
  out = {text_of(in, "event"), {}, {}, number_of(in, "pid")};
  std::string_view args;
  if (out.event.empty() || in["args"].get(args) != simdjson::SUCCESS) return false;
  out.args = read_repr(args);
  dom::object who;
  if (in["caller"].get(who) == simdjson::SUCCESS)
    out.who = {text_of(who, "function"), text_of(who, "file"), number_of(who, "line")};
  return true;
}

bool parse_line(dom::object in, observed_line& out) {
  out = {text_of(in, "event"),  text_of(in, "path"),  {}, false, text_of(in, "family"), text_of(in, "address"),
         number_of(in, "port"), number_of(in, "pid"), 0};
  if (const auto unix_path = text_of(in, "unix"); !unix_path.empty()) out.family = "unix", out.path = unix_path;
  if (bool python = false; in["python"].get(python) == simdjson::SUCCESS) out.python = python;
  if (std::uint64_t dropped = 0; in["dropped"].get(dropped) == simdjson::SUCCESS) out.dropped = dropped;
  dom::array argv;
  if (in["argv"].get(argv) == simdjson::SUCCESS)
    for (const auto word : argv)
      if (std::string_view w; word.get(w) == simdjson::SUCCESS) out.argv.emplace_back(w);
  return !out.event.empty();
}

/// Splits a file into lines through one buffer. A line longer than the buffer is dropped whole.
class line_source {
 public:
  explicit line_source(int fd) : fd_{fd}, buffer_(max_line + simdjson::SIMDJSON_PADDING) {}

  enum class got : std::uint8_t { line, too_long, end, error };

  got next(std::string_view& line) {
    bool dropping = false;
    for (;;) {
      const std::string_view rest{buffer_.data() + begin_, end_ - begin_};
      if (const auto stop = rest.find('\n'); stop != std::string_view::npos) {
        begin_ += stop + 1;
        if (dropping) return got::too_long;
        return line = rest.substr(0, stop), got::line;
      }
      if (at_end_) {
        begin_ = end_;
        if (dropping) return got::too_long;
        return rest.empty() ? got::end : (line = rest, got::line);
      }
      if (end_ - begin_ == max_line) begin_ = end_ = 0, dropping = true;
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_, begin_ = 0;
      const auto count = ::read(fd_, buffer_.data() + end_, max_line - end_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return got::error;
      if (count == 0) at_end_ = true;
      end_ += static_cast<std::size_t>(count);
    }
  }

 private:
  int fd_;
  std::vector<char> buffer_;  ///< the padding behind max_line lets simdjson read past a line without a copy
  std::size_t begin_ = 0, end_ = 0;
  bool at_end_ = false;
};

template <class Line>
sandbox::result<line_totals> read_lines(const std::filesystem::path& file,
                                        const std::function<void(const Line&)>& take) {
  // A run's log is a regular file that the service wrote. Were it anything else, opening it must not wait or follow.
  const sandbox::unique_fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (fd.get() < 0) return sandbox::os_failure("read_events", "open " + file.string());
  line_source source{fd.get()};
  dom::parser parser{max_line + simdjson::SIMDJSON_PADDING};
  line_totals totals;
  Line event;
  std::string_view line;
  for (;;) {
    const auto what = source.next(line);
    if (what == line_source::got::error) return sandbox::os_failure("read_events", "read " + file.string());
    if (what == line_source::got::end) return totals;
    if (what == line_source::got::line && line.empty()) continue;
    ++totals.lines;
    dom::object object;
    if (what == line_source::got::too_long ||
        parser.parse(line.data(), line.size(), false).get(object) != simdjson::SUCCESS || !parse_line(object, event)) {
      ++totals.malformed;
      continue;
    }
    take(event);
  }
}

}  // namespace

sandbox::result<line_totals> read_audit(const std::filesystem::path& file,
                                        const std::function<void(const audit_line&)>& take) {
  return read_lines<audit_line>(file, take);
}

sandbox::result<line_totals> read_observations(const std::filesystem::path& file,
                                               const std::function<void(const observed_line&)>& take) {
  return read_lines<observed_line>(file, take);
}

}  // namespace lazaret::analysis
