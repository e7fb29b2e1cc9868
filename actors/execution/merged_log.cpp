#include "actors/execution/merged_log.hpp"

#include <zlib.h>

#include <fstream>
#include <memory>
#include <string>

namespace lazaret::actors {

namespace {

struct close_gz {
  void operator()(gzFile_s* file) const noexcept { gzclose(file); }
};

}  // namespace

sandbox::result<void> write_merged_log(const std::filesystem::path& folder, const std::vector<phase>& phases) {
  const std::string path = (folder / merged_log_name).string();
  std::unique_ptr<gzFile_s, close_gz> out{gzopen(path.c_str(), "wb6")};
  if (!out) return sandbox::os_failure("write_merged_log", "gzopen " + path);
  for (const phase& p : phases) {
    std::ifstream in{folder / p.audit_file, std::ios::binary};
    std::string line;
    while (std::getline(in, line)) {
      line.insert(0, p.prefix + ": ").push_back('\n');
      if (gzwrite(out.get(), line.data(), static_cast<unsigned>(line.size())) <= 0) {
        return sandbox::os_failure("write_merged_log", "gzwrite " + path);
      }
    }
  }
  if (gzclose(out.release()) != Z_OK) return sandbox::os_failure("write_merged_log", "gzclose " + path);
  return {};
}

}  // namespace lazaret::actors
