#include "actors/execution/site.hpp"

#include <string>
#include <system_error>

namespace lazaret::actors {

namespace fs = std::filesystem;

sandbox::result<python_site> find_python_site(const fs::path& wanted) {
  std::error_code none;
  fs::path root = wanted;
  if (root.empty())
    root = fs::read_symlink("/proc/self/exe", none).parent_path().parent_path() / "lib/lazaret/python-site";
  root = fs::absolute(root, none);
  for (const char* needed : {"dist-packages/_lazaret_audit.so", "dist-packages/lazaret_audit.pth",
                             "dist-packages/pip/__main__.py", "etc/sitecustomize.py", "driver/phase.py", "empty"}) {
    if (!fs::exists(root / needed, none)) {
      return sandbox::failure{"find_python_site", ENOENT, (root / needed).string(),
                              "was the target lazaret_python_site built?"};
    }
  }
  return python_site{root};
}

void add_python_site(sandbox::policy& what, const python_site& site) {
  const auto inside = [&](const char* source, std::string target) {
    what.binds.push_back({.source = (site.root / source).string(), .target = std::move(target)});
  };
  inside("dist-packages", "/usr/lib/python3/dist-packages");
  inside("etc/sitecustomize.py", "/etc/python3.11/sitecustomize.py");
  inside("driver/phase.py", python_site::driver);
  // What else Debian's interpreter has on its path. A mount point can't be made under the read-only /usr, and what the
  // host does not have needs no cover.
  for (const char* directory : {"/usr/lib/python3.11/dist-packages", "/usr/local/lib/python3.11/dist-packages"}) {
    std::error_code none;
    if (fs::exists(directory, none)) inside("empty", directory);
  }
  // pip asks them for the distribution's name and Rust's version: nine processes and 100 ms for two words in a
  // User-Agent. (Without crates, which the gateway has none of, a compiler of Rust has nothing to do here either.)
  static constexpr const char* asked_by_pip[] = {"/usr/bin/lsb_release", "/usr/bin/rustc"};
  for (const char* program : asked_by_pip)
    if (std::error_code none; fs::is_regular_file(program, none)) inside("driver/phase.py", program);
}

}  // namespace lazaret::actors
