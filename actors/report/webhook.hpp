#pragma once
/// What is posted when a run has ended: one Discord message as compat/triage describes it. Pure but for the sizes of
/// the attachments; any thread.
///
/// Discord's limits (discord.com/developers, "Embed Limits"): title 256, description 4096, 25 fields, field name 256,
/// field value 1024, all of an embed 6000; lengths are counted here in UTF-16 units, which is never less than Discord
/// counts. Whatever comes from a package is inside code spans without a backtick, and no mention is ever resolved.

#include <filesystem>
#include <string>
#include <vector>

#include "actors/run.hpp"

namespace lazaret::report {

/// All attachments together; what does not fit is left out and named.
inline constexpr std::uint64_t most_attached = 8ULL << 20;

struct attachment {
  std::string name;  ///< as the receiver sees it
  std::string content_type;
  std::filesystem::path file;
  std::uint64_t size = 0;
};

struct webhook_message {
  std::string payload_json;
  std::vector<attachment> files;  ///< `files[0]`, `files[1]`
};

/// `r` carries its final status: the message says what it says. Attaches `audit.log.gz` and `report.html` of the
/// folder.
[[nodiscard]] webhook_message compose_webhook(const actors::run& r, const std::filesystem::path& run_folder);

/// The payload alone. `left_out`: names of attachments that exist but are not sent, with their sizes.
[[nodiscard]] std::string discord_payload(const actors::run& r, const std::vector<attachment>& attached,
                                          const std::vector<attachment>& left_out);

}  // namespace lazaret::report
