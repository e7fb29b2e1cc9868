#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "actors/download/archive.hpp"
#include "actors/download/archive_reader.hpp"
#include "sandbox/open_resolved.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::download {
namespace {

using sandbox::unique_fd;

/// Below `folder`, through no link, onto no other file system.
unique_fd open_beneath(int folder, const std::string& path, std::uint64_t flags, std::uint64_t mode = 0) {
  return sandbox::open_resolved(folder, path.c_str(), flags, sandbox::beneath_through_no_link | RESOLVE_NO_XDEV, mode);
}

/// The folder that holds `path`'s last component, made as needed.
sandbox::result<unique_fd> make_parent(int folder, const std::vector<std::string>& parts) {
  unique_fd at{::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (std::size_t i = 0; i + 1 < parts.size() && at; ++i) {
    if (::mkdirat(at.get(), parts[i].c_str(), 0755) != 0 && errno != EEXIST)
      return sandbox::os_failure("unpack", "mkdir " + joined(parts));
    at = open_beneath(at.get(), parts[i], O_RDONLY | O_DIRECTORY);
  }
  if (!at) return sandbox::os_failure("unpack", "open the folder of " + joined(parts));
  return at;
}

sandbox::result<void> write_file(archive* from, int parent, const std::string& leaf, bool executable,
                                 std::uint64_t& left) {
  // A path that comes twice: the last one wins, as with tar; never written through what is there.
  ::unlinkat(parent, leaf.c_str(), 0);
  const auto file = open_beneath(parent, leaf, O_WRONLY | O_CREAT | O_EXCL, executable ? 0755 : 0644);
  if (!file) return sandbox::os_failure("unpack", "create " + leaf);
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (int code = 0; (code = ::archive_read_data_block(from, &block, &size, &offset)) != ARCHIVE_EOF;) {
    if (code == ARCHIVE_RETRY) continue;
    if (code != ARCHIVE_OK) return sandbox::failure{"unpack", 0, "read " + leaf, "the archive is damaged"};
    if (size > left) return sandbox::failure{"unpack", 0, "write " + leaf, "more bytes than were examined"};
    left -= size;
    for (std::size_t done = 0; done < size;) {
      const auto n =
          ::pwrite(file.get(), static_cast<const char*>(block) + done, size - done, offset + static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return sandbox::os_failure("unpack", "write " + leaf);
      done += static_cast<std::size_t>(n);
    }
  }
  return {};
}

}  // namespace

sandbox::result<void> unpack_archive(int fd, std::string_view filename, actors::artefact_kind kind, int folder,
                                     const archive_limits& limits, std::stop_token stop) {
  const auto examined = examine_archive(fd, filename, kind, limits, stop);
  if (!examined.unpackable) return sandbox::failure{"unpack", 0, std::string{filename}, examined.error};
  const utf8_locale decoding;
  auto from = source_of(fd);
  auto r = make_reader(from, filename);
  if (::archive_read_open1(r.get()) != ARCHIVE_OK)
    return sandbox::failure{"unpack", 0, std::string{filename}, "can't be read"};
  std::uint64_t left = examined.listing.unpacked_bytes;
  std::vector<std::pair<std::vector<std::string>, std::string>> symlinks,
      hardlinks;  // made last, so nothing goes through them
  archive_entry* entry = nullptr;
  for (int code = 0; (code = ::archive_read_next_header(r.get(), &entry)) != ARCHIVE_EOF;) {
    if (code == ARCHIVE_RETRY) continue;
    if (code < ARCHIVE_WARN || stop.stop_requested())
      return sandbox::failure{"unpack", 0, std::string{filename}, stop.stop_requested() ? "canceled" : "is damaged"};
    const char* raw = ::archive_entry_pathname(entry);
    auto parts = clean(raw ? raw : "");
    if (!parts || parts->empty()) continue;
    if (const char* target = ::archive_entry_hardlink(entry)) {
      hardlinks.emplace_back(*parts, joined(*clean(target)));
      continue;
    }
    if (::archive_entry_filetype(entry) == AE_IFLNK) {
      symlinks.emplace_back(*parts, ::archive_entry_symlink(entry));
      continue;
    }
    const auto parent = make_parent(folder, *parts);
    if (!parent) return parent.error();
    if (::archive_entry_filetype(entry) == AE_IFDIR) {
      if (::mkdirat(parent->get(), parts->back().c_str(), 0755) != 0 && errno != EEXIST)
        return sandbox::os_failure("unpack", "mkdir " + joined(*parts));
    } else if (auto written =
                   write_file(r.get(), parent->get(), parts->back(), (::archive_entry_perm(entry) & 0100) != 0, left);
               !written) {
      return written;
    }
  }
  for (const auto& [parts, target] : hardlinks) {
    const auto parent = make_parent(folder, parts);
    if (!parent) return parent.error();
    const auto existing = open_beneath(folder, target, O_PATH);
    const auto self = "/proc/self/fd/" + std::to_string(existing.get());
    if (!existing || ::linkat(AT_FDCWD, self.c_str(), parent->get(), parts.back().c_str(), AT_SYMLINK_FOLLOW) != 0)
      return sandbox::os_failure("unpack", "link " + joined(parts));
  }
  for (const auto& [parts, target] : symlinks) {
    const auto parent = make_parent(folder, parts);
    if (!parent) return parent.error();
    if (::symlinkat(target.c_str(), parent->get(), parts.back().c_str()) != 0)
      return sandbox::os_failure("unpack", "symlink " + joined(parts));
  }
  return {};
}

}  // namespace lazaret::download
