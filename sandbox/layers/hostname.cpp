#include "sandbox/layers/hostname.hpp"

#include <unistd.h>

namespace lazaret::sandbox {

result<void> name_host(const policy& what) {
  if (::sethostname(what.hostname.data(), what.hostname.size()) != 0) return os_failure("hostname", "sethostname");
  if (::setdomainname("(none)", 6) != 0) return os_failure("hostname", "setdomainname");
  return {};
}

}  // namespace lazaret::sandbox
