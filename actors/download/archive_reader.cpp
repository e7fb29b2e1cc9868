#include "actors/download/archive_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace lazaret::download {

la_ssize_t archive_source::read(archive*, void* self, const void** out) {
  auto& s = *static_cast<archive_source*>(self);
  const auto want = std::min<std::int64_t>(static_cast<std::int64_t>(s.block.size()), s.size - s.at);
  const auto n = want <= 0 ? 0 : ::pread(s.fd, s.block.data(), static_cast<std::size_t>(want), s.at);
  if (n > 0) s.at += n;
  *out = s.block.data();
  return n;
}

la_int64_t archive_source::seek(archive*, void* self, la_int64_t offset, int whence) {
  auto& s = *static_cast<archive_source*>(self);
  const auto base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s.at : s.size;
  if (offset > s.size - base || offset < -base) return ARCHIVE_FATAL;
  return s.at = base + offset;
}

archive_source source_of(int fd) {
  archive_source s;
  struct stat st {};
  s.fd = fd;
  s.size = ::fstat(fd, &st) == 0 ? st.st_size : 0;
  return s;
}

archive_reader make_reader(archive_source& from, std::string_view filename) {
  archive_reader r{::archive_read_new(), &::archive_read_free};
  if (filename.ends_with(".whl") || filename.ends_with(".zip")) {
    ::archive_read_support_format_zip_seekable(r.get());
  } else {
    ::archive_read_support_format_tar(r.get());
    if (filename.ends_with(".tar.bz2"))
      ::archive_read_support_filter_bzip2(r.get());
    else if (filename.ends_with(".tar.xz"))
      ::archive_read_support_filter_xz(r.get());
    else
      ::archive_read_support_filter_gzip(r.get());
  }
  ::archive_read_set_read_callback(r.get(), &archive_source::read);
  ::archive_read_set_seek_callback(r.get(), &archive_source::seek);
  ::archive_read_set_callback_data(r.get(), &from);
  return r;
}

std::optional<std::vector<std::string>> clean(std::string_view path) {
  if (path.starts_with('/')) return std::nullopt;
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") parts.emplace_back(part);
    more = slash != path.npos;
    if (more) path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string path;
  for (const auto& part : parts) (path += path.empty() ? "" : "/") += part;
  return path;
}

}  // namespace lazaret::download
