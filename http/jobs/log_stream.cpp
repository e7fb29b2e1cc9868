#include "http/jobs/log_stream.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "sandbox/unique_fd.hpp"

namespace lazaret::http::jobs {
namespace {

constexpr std::size_t bytes_at_once = 256 << 10;

class log_stream final : public live_body {
 public:
  log_stream(const site& s, std::string id) : site_{s}, id_{std::move(id)} { ++site_.event_streams; }
  ~log_stream() override {
    subscription_.reset();
    --site_.event_streams;
  }

  void start(std::function<void()> poke) override {
    subscription_ = site_.pipeline.jobs().subscribe(id_, std::move(poke));
  }

  piece next() override {
    piece out;
    if (!over_ && !look_up()) {
      out.ended = true;
      return out;
    }
    look_ahead();
    const auto until = over_ ? size_ : whole_lines_;
    send(std::min<std::uint64_t>(until, offset_ + bytes_at_once), out.bytes);
    out.more = offset_ < until;
    if (over_ && !out.more) {
      out.bytes += "event: end\ndata: complete\n\n";
      out.ended = true;
    }
    return out;
  }

 private:
  /// Before the log is read: when the job has ended by now, nothing is added to what is read after. Only what has
  /// ended is forgotten, and of that the rest of the log, if it is open here, is still told. False: there is none.
  bool look_up() {
    const auto job = site_.pipeline.jobs().find(id_);
    if (job && job->attempt != attempt_) begin(*job);
    over_ = !job || batch::has_ended(job->status);
    return job || file_;
  }

  /// The attempt that counts has a log of its own.
  void begin(const batch::job& job) {
    attempt_ = job.attempt;
    path_ = site_.pipeline.jobs().log_of(job);
    file_.reset();
    lines_ = {};
    offset_ = whole_lines_ = size_ = 0;
  }

  /// Finds the end of the last line that has ended: a line that hasn't is not sent, for a sign of life could get in.
  void look_ahead() {
    if (!file_) file_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_) return;
    std::vector<char> some(bytes_at_once);
    for (size_ = whole_lines_;;) {
      const auto n = ::pread(file_.get(), some.data(), some.size(), static_cast<off_t>(size_));
      if (n <= 0) return;
      const auto read = static_cast<std::size_t>(n);
      if (const auto end = std::string_view{some.data(), read}.rfind('\n'); end != std::string_view::npos)
        whole_lines_ = size_ + end + 1;
      size_ += read;
    }
  }

  void send(std::uint64_t until, std::string& out) {
    std::vector<char> some(until > offset_ ? until - offset_ : 0);
    while (offset_ < until) {
      const auto n = ::pread(file_.get(), some.data(), until - offset_, static_cast<off_t>(offset_));
      if (n <= 0) {  // nobody shortens a log: the disk can't be read
        offset_ = until;
        return;
      }
      lines_.write({some.data(), static_cast<std::size_t>(n)}, out);
      offset_ += static_cast<std::uint64_t>(n);
    }
  }

  const site& site_;
  const std::string id_;
  std::unique_ptr<durable::subscription> subscription_;
  int attempt_ = 0;
  bool over_ = false;  ///< nothing will be added
  std::filesystem::path path_;
  sandbox::unique_fd file_;
  event_lines lines_;
  std::uint64_t offset_ = 0;       ///< sent
  std::uint64_t whole_lines_ = 0;  ///< of the file, up to where there are only lines that have ended
  std::uint64_t size_ = 0;         ///< of the file when it was looked at
};

}  // namespace

void event_lines::write(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (!in_line_) out += "data: ";
    in_line_ = true;
    if (carriage_return_ && c != '\n') out += ' ';
    carriage_return_ = c == '\r';
    if (c == '\n') {
      out += "\n\n";
      in_line_ = false;
    } else if (c != '\r') {
      out += c;
    }
  }
}

std::shared_ptr<live_body> follow_log(const site& s, std::string id) {
  return std::make_shared<log_stream>(s, std::move(id));
}

}  // namespace lazaret::http::jobs
