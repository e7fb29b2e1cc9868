#pragma once
/// Archives for the tests: GNU tar's own, and ones that no tar would write.

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

namespace lazaret::test {

/// Standard output of a shell command.
inline std::string output_of(const std::string& command) {
  std::string said;
  std::FILE* from = ::popen(command.c_str(), "r");
  std::array<char, 65536> some;
  for (std::size_t n = 0; (n = std::fread(some.data(), 1, some.size(), from)) > 0;) said.append(some.data(), n);
  ::pclose(from);
  return said;
}

/// What the setup jail's tar would say of a directory's content.
inline std::string tar_of(const std::filesystem::path& folder) {
  return output_of("cd " + folder.string() +
                   " && tar --create --file=- --format=posix --pax-option=delete=atime,delete=ctime,delete=mtime"
                   " --sort=name --numeric-owner --hard-dereference -- *");
}

/// One header; the numbers as text, so that they can be wrong.
inline std::string header(const std::string& path, char type, const std::string& size = "0",
                          const std::string& link = {}) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { block.replace(at, text.size(), text); };
  put(0, path);
  put(100, "0000644");
  put(124, size);
  put(136, "0");
  block[156] = type;
  put(157, link);
  put(257, std::string("ustar\00000", 8));
  unsigned sum = 8 * ' ';
  for (std::size_t i = 0; i < block.size(); ++i)
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(block[i]);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, std::string{digits, 7});
  return block;
}

inline std::string padded(std::string content) {
  content.resize((content.size() + 511) / 512 * 512);
  return content;
}

inline const std::string end_of_archive(1024, '\0');

}  // namespace lazaret::test
