#pragma once
/// Small texts that the kernel writes (proc(5), cgroups(7)). Without streams: the first use of their locale costs a
/// jail that is made once a twentieth of its time.

#include <string>
#include <string_view>
#include <vector>

namespace lazaret::sandbox {

/// The whole file; what could be read of it.
[[nodiscard]] std::string read_text(const char* path);

/// The pieces between separators, none of them empty. They are parts of `text`.
[[nodiscard]] std::vector<std::string_view> words(std::string_view text, char separator = ' ');

}  // namespace lazaret::sandbox
