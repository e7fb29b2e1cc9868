// What the report stage reads from and writes to the run's folder.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <memory>

#include "actors/fault_point.hpp"
#include "actors/report/document.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::report {
namespace {

using sandbox::os_failure;
using sandbox::unique_fd;

/// Only a regular file inside the folder, whatever a tampered store says.
unique_fd open_inside(const std::filesystem::path& folder, const std::string& relative, std::uint64_t& size) {
  const std::filesystem::path file{relative};
  if (relative.empty() || file.is_absolute() || std::find(file.begin(), file.end(), "..") != file.end()) return {};
  unique_fd fd{::open((folder / file).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat what {};
  if (!fd || ::fstat(fd.get(), &what) != 0 || !S_ISREG(what.st_mode)) return {};
  size = static_cast<std::uint64_t>(what.st_size);
  return fd;
}

std::string read_at(int fd, std::uint64_t offset, std::size_t count) {
  std::string out(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const auto n = ::pread(fd, out.data() + have, count - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

struct gzip_close {
  void operator()(gzFile_s* file) const { ::gzclose(file); }
};

}  // namespace

std::string excerpt(const std::filesystem::path& run_folder, const std::string& relative) {
  std::uint64_t size = 0;
  const auto fd = open_inside(run_folder, relative, size);
  if (!fd) return {};
  if (size <= excerpt_bytes) return read_at(fd.get(), 0, size);
  constexpr auto half = excerpt_bytes / 2;
  return read_at(fd.get(), 0, half) + "\n... " + std::to_string(size - excerpt_bytes) + " bytes left out ...\n" +
         read_at(fd.get(), size - half, half);
}

sandbox::result<void> write_atomically(const std::filesystem::path& file, std::string_view content) {
  const auto draft = file.string() + ".tmp";
  {
    unique_fd fd{::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (!fd) return os_failure("write_report", "open " + draft);
    while (!content.empty()) {
      const auto n = ::write(fd.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_failure("write_report", "write " + draft, "is the disk full?");
      content.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  LAZARET_FAULT_POINT("report.draft");
  if (::rename(draft.c_str(), file.c_str()) != 0) return os_failure("write_report", "rename " + draft);
  LAZARET_FAULT_POINT("report.named");
  return {};
}

sandbox::result<void> write_report(const actors::run& r, const std::filesystem::path& run_folder,
                                   const std::filesystem::path& into) {
  if (auto done = write_atomically(into / "report.json", boost::json::serialize(report_json(r, run_folder)) + "\n");
      !done)
    return done;
  LAZARET_FAULT_POINT("report.json");
  return write_atomically(into / "report.html", report_html(r, run_folder));
}

sandbox::result<void> write_audit_log(const actors::run& r, const std::filesystem::path& run_folder,
                                      const std::filesystem::path& into) {
  const auto file = into / "audit.log.gz";
  const auto draft = file.string() + ".tmp";
  std::unique_ptr<gzFile_s, gzip_close> out{::gzopen(draft.c_str(), "wb6e")};
  if (!out) return os_failure("write_audit_log", "gzopen " + draft);
  const auto put = [&](std::string_view text) {
    return text.empty() || ::gzwrite(out.get(), text.data(), static_cast<unsigned>(text.size())) > 0;
  };
  bool good = true;
  for (const auto& p : r.execution ? r.execution->phases : std::vector<actors::phase>{}) {
    std::uint64_t size = 0;
    const auto fd = open_inside(run_folder, p.audit_file, size);
    if (!fd) continue;
    const auto prefix = p.prefix + ": ";
    bool at_start = true;
    for (std::uint64_t offset = 0; good && offset < size;) {
      const auto chunk = read_at(fd.get(), offset, 64 * 1024);
      if (chunk.empty()) break;
      offset += chunk.size();
      for (std::string_view rest = chunk; good && !rest.empty();) {
        const auto stop = rest.find('\n');
        const auto line = rest.substr(0, stop == rest.npos ? stop : stop + 1);
        if (at_start) good = put(prefix);
        good = good && put(line);
        at_start = line.back() == '\n';
        rest.remove_prefix(line.size());
      }
    }
    if (!at_start) good = good && put("\n");
  }
  if (!good || ::gzclose(out.release()) != Z_OK)
    return os_failure("write_audit_log", "write " + draft, "is the disk full?");
  LAZARET_FAULT_POINT("report.audit_draft");
  if (::rename(draft.c_str(), file.c_str()) != 0) return os_failure("write_audit_log", "rename " + draft);
  LAZARET_FAULT_POINT("report.audit_log");
  return {};
}

}  // namespace lazaret::report
