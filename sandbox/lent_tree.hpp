#pragma once
/// A directory of the host that a jail may write to, as its owner and as nobody else.
///
/// A jail's uid owns nothing on the host. So the directory is mounted once more with its owner's ids mapped to the
/// jail's (idmapped mounts, mount_setattr(2), MOUNT_ATTR_IDMAP; Linux 5.12, and a file system that knows them: ext4,
/// xfs, btrfs, tmpfs since 6.3): inside, the owner's files are the program's; what it makes there is the owner's
/// outside. Files of other owners are nobody's inside and can't be changed.
///
/// What the program must not be able to leave behind is a set-user-ID file of the owner's, root's for one: a jail with
/// such a directory gets seccomp_filter::no_set_ids() beside its own filter.

#include <cstdint>
#include <string>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// A detached mount of `host_path`, without what is mounted below it, in which the owner's uid and gid are `id`. Needs
/// the privileges of the host's root. Forks a process for a moment.
[[nodiscard]] result<unique_fd> lend_tree(const std::string& host_path, std::uint32_t id);

}  // namespace lazaret::sandbox
