// lazaret-jailer: the only process that forks jails. Started by the service's keeper with one end of a socket pair.
#include <malloc.h>

#include <charconv>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

#include "sandbox/jailer_process.hpp"
#include "sandbox/own_namespace.hpp"

namespace {

constexpr const char* usage = R"(usage: lazaret-jailer [options]
  --fd N               the connection to the service, a SOCK_SEQPACKET socket (default 3)
  --allow-bind PREFIX  let jails see this host path, read-only; may be given again
  --uid-base N         the first of 65536 host uids that jails run as (default 1900000000)
  --ahead N            jails to prepare ahead when jails of one kind are asked for again and again (default 2)
  --shells N           jails to prepare of no kind, for whatever is asked for next (default 2)
  --require A,B,...    layers without which no jail is made (default: all that this kernel can have)
  --workspace DIR      a directory to mount on, in a private namespace (default /run/lazaret-jailer)
)";

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::string_view text, std::vector<std::string>& layers) {
  auto names = lazaret::sandbox::parse_layer_names(text);
  if (!names) {
    std::cerr << "lazaret-jailer: " << names.error().describe() << '\n';
    return false;
  }
  layers = std::move(*names);
  return true;
}

bool parse(int argc, char** argv, lazaret::sandbox::jailer_process_options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    const bool known = name == "--fd"           ? parse(value, options.connection)
                       : name == "--uid-base"   ? parse(value, options.uid_base) && options.uid_base >= 1000
                       : name == "--allow-bind" ? (options.allow_binds.emplace_back(value), value.starts_with('/'))
                       : name == "--ahead"      ? parse(value, options.ahead) && options.ahead <= 64
                       : name == "--shells"     ? parse(value, options.shells) && options.shells <= 64
                       : name == "--require"    ? parse(value, options.require)
                       : name == "--workspace"  ? (options.workspace = value, value.starts_with('/'))
                                                : false;
    if (!known) return false;
  }
  return argc % 2 == 1;
}

}  // namespace

int main(int argc, char** argv) try {
  // Each jail is a fork of this process, and each page that it has is copied for it and taken down again. A request of
  // a megabyte must not leave its memory here: malloc would keep it, having learned that such sizes occur (mallopt(3)).
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  lazaret::sandbox::jailer_process_options options;
  if (!parse(argc, argv, options)) {
    std::cerr << usage;
    return 2;
  }
  auto served = lazaret::sandbox::ensure_root(argv, lazaret::sandbox::which_ids::subordinate_too);
  if (served) {
    auto process = lazaret::sandbox::jailer_process::make(options);
    served = process ? (*process)->serve() : lazaret::sandbox::result<void>{process.error()};
  }
  if (served) return 0;
  std::cerr << "lazaret-jailer: " << served.error().describe() << '\n';
  return 1;
} catch (const std::exception& e) {
  std::cerr << "lazaret-jailer: " << e.what() << '\n';
  return 1;
}
