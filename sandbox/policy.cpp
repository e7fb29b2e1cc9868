#include "sandbox/policy.hpp"

#include <filesystem>

namespace lazaret::sandbox {

policy base_policy() {
  policy p;
  p.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/"};
  p.binds.push_back({.source = "/usr", .target = "/usr"});
  // Debian merged /bin, /lib, ... into /usr; a host that did not has directories there.
  for (const std::string dir : {"bin", "sbin", "lib", "lib64"}) {
    std::error_code ignored;
    if (std::filesystem::is_symlink("/" + dir, ignored))
      p.links.push_back({.target = "/" + dir, .points_to = "usr/" + dir});
    else
      p.binds.push_back({.source = "/" + dir, .target = "/" + dir, .optional = true});
  }
  for (const std::string file : {"/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/ssl/certs"})
    p.binds.push_back({.source = file, .target = file, .executable = false, .optional = true});
  p.files = {
      {"/etc/passwd", "nobody:x:1000:1000:nobody:/:/usr/sbin/nologin\n"},
      {"/etc/group", "nogroup:x:1000:\n"},
      {"/etc/hosts", "127.0.0.1 localhost\n"},
      {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
      {"/etc/resolv.conf", ""},
  };
  return p;
}

}  // namespace lazaret::sandbox
