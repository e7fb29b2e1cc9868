#pragma once
/// Takes what a jail left in a volume into a file of ours. The contents go from file to file; none is held in memory.

#include <string>
#include <vector>

#include "actors/batch/job.hpp"
#include "sandbox/jailer.hpp"

namespace lazaret::batch {

struct taken_artifacts {
  std::vector<kept_file> files;  ///< in the order of their names
  std::uint64_t left_out = 0;
  std::string why;  ///< for people: which kinds were left out
};

/// The regular files at the top of the volume, as long as they are within both limits; those that are not, and whatever
/// else lies there, are left out. `into` is made, and on disk when this returns; with no artefacts it isn't. Takes at
/// most two minutes.
[[nodiscard]] sandbox::result<taken_artifacts> take_artifacts(sandbox::jailer& jails, const sandbox::volume& from,
                                                              const std::string& into, std::size_t most,
                                                              sandbox::bytes most_bytes);

}  // namespace lazaret::batch
