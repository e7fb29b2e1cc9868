// A wheel or sdist that was built to hurt: examined, and unpacked when examination lets it pass. The first byte
// chooses the format that its name promises.
#include <fcntl.h>

#include <array>
#include <filesystem>

#include "actors/download/archive.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::download;
namespace fs = std::filesystem;

namespace {

/// The last is a tar that nobody compressed: the fuzzer reaches what it says without guessing a CRC.
constexpr std::array<std::string_view, 6> names{"demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-1.0.tar.bz2",
                                                "demo-1.0.tar.xz",           "demo-1.0.zip",    "demo-1.0.tar.gz"};
constexpr std::size_t plain_tar = 5;
const archive_limits limits{.files = 200,
                            .unpacked = sandbox::bytes{1 << 20},
                            .ratio_floor = sandbox::bytes{256 << 10},
                            .time = std::chrono::milliseconds{2000}};

/// Makes the checksums of a tar's headers right again (POSIX, pax, "ustar Interchange Format").
std::string with_checksums(std::string_view tar) {
  constexpr std::size_t block = 512, field = 148, width = 8, magic = 257;
  std::string out{tar};
  for (std::size_t at = 0; at + block <= out.size(); at += block) {
    if (out.compare(at + magic, 5, "ustar") != 0) continue;
    out.replace(at + field, width, width, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < block; ++i) sum += static_cast<unsigned char>(out[at + i]);
    std::array<char, width + 1> octal{};
    std::snprintf(octal.data(), octal.size(), "%06o", sum);
    out.replace(at + field, width - 1, octal.data(), width - 1);
  }
  return out;
}

/// A folder in a folder: nothing may appear beside the inner one.
struct playground {
  std::string outer = fuzz::scratch() + "/lazaret-fuzz-XXXXXX";
  sandbox::unique_fd inner;
  playground() {
    fuzz::must(::mkdtemp(outer.data()) != nullptr && fs::create_directory(outer + "/in"), "a folder can be made");
    inner.reset(::open((outer + "/in").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  playground(const playground&) = delete;
  playground& operator=(const playground&) = delete;
  ~playground() {
    std::error_code ignored;
    fs::remove_all(outer, ignored);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto name = names[data[0] % names.size()];
  const auto kind = name.ends_with(".whl") ? actors::artefact_kind::wheel : actors::artefact_kind::sdist;
  const auto bytes = fuzz::text_of(data + 1, size - 1);
  const auto file = fuzz::file_of(data[0] % names.size() == plain_tar ? with_checksums(bytes) : bytes);
  const auto seen = examine_archive(file.get(), name, kind, limits, {});
  fuzz::must(seen.unpackable == seen.error.empty(), "not unpackable, and why");
  fuzz::must(seen.notes.size() <= 100, "at most 100 notes");
  fuzz::must(seen.listing.files <= limits.files, "no more files than the limit allows");
  if (!seen.unpackable) return 0;

  const playground place;
  (void)unpack_archive(file.get(), name, kind, place.inner.get(), limits, {});
  std::size_t beside = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator{place.outer}) ++beside;
  fuzz::must(beside == 1, "nothing is written outside of the folder");
  for (const auto& entry : fs::recursive_directory_iterator{place.outer + "/in"})
    fuzz::must(entry.is_symlink() || entry.is_directory() || entry.is_regular_file(), "files, folders, links only");
  return 0;
}
