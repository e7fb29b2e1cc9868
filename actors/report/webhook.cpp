#include "actors/report/webhook.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "actors/report/text.hpp"

namespace lazaret::report {
namespace {

namespace json = boost::json;
using actors::run;
using actors::verdict;

constexpr std::size_t most_title = 256, most_value = 1024, most_embed = 6000, most_list = 1000, most_items = 10,
                      most_summary = 1500;
constexpr int green = 0x2ECC71, red = 0xE74C3C, orange = 0xF39C12;

/// UTF-16 units of valid UTF-8: two for what takes four bytes.
std::size_t units(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    count += (byte & 0xC0) != 0x80;
    count += byte >= 0xF0;
  }
  return count;
}

/// At most `longest` units, the mark of a cut included.
std::string shorten(const std::string& text, std::size_t longest) {
  if (units(text) <= longest) return text;
  std::size_t end = 0, count = 0;
  while (end < text.size()) {
    auto next = end + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    const auto more = units(std::string_view{text}.substr(end, next - end));
    if (count + more + 1 > longest) break;
    count += more, end = next;
  }
  return longest == 0 ? std::string{} : text.substr(0, end) + "…";
}

/// One line that can't leave the code it stands in.
std::string defused(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) {
    if (c == '`')
      out += "ˋ";
    else
      out += c;
  }
  return out;
}

std::string span_of(std::string_view text, std::size_t longest) {
  const auto inner = shorten(defused(text), longest - 2);
  return inner.empty() ? "none" : "`" + inner + "`";
}

/// Markdown's own characters lose their meaning (a title can't hold code).
std::string unmarked(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) {
    if (std::string_view{"\\`*_~|<>[]()#@:-+"}.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string list_of(const std::vector<std::string>& items) {
  if (items.empty()) return "none";
  std::string out;
  std::size_t shown = 0;
  const auto rest = [&] { return "and " + std::to_string(items.size() - shown) + " more"; };
  for (; shown < std::min(items.size(), most_items); ++shown) {
    const auto line = span_of(items[shown], 200) + "\n";
    if (units(out) + units(line) + units(rest()) > most_list) break;
    out += line;
  }
  if (shown < items.size()) return out + rest();
  out.pop_back();
  return out;
}

bool timed_out(const run& r) {
  return r.execution &&
         std::any_of(r.execution->phases.begin(), r.execution->phases.end(), [](const auto& p) { return p.timed_out; });
}

int colour(const run& r) {
  const auto v = r.analysis ? r.analysis->verdict : verdict::inconclusive;
  if (v == verdict::malicious) return red;
  if (timed_out(r)) return orange;
  return v == verdict::benign && r.status != actors::status::failed ? green : red;
}

std::string summary_of(const run& r) {
  if (!r.error.empty()) return r.error;
  return r.analysis ? r.analysis->summary : std::string{name(r.status)};
}

std::string details(const run& r) {
  std::string out;
  const auto add = [&](std::string_view what, const std::string& value) {
    (out += out.empty() ? "" : "\n") += what;
    out += " " + span_of(value, 200);
  };
  if (r.asked.file_path) add("file", *r.asked.file_path);
  if (r.asked.entrypoint) add("entry point", *r.asked.entrypoint);
  if (r.asked.module_name) add("module", *r.asked.module_name);
  if (r.execution)
    for (const auto& p : r.execution->phases)
      if (units(out) < 600) add(p.name, p.summary);
  return out.empty() ? "none" : out;
}

std::string output(const run& r) {
  std::uint64_t out = 0, err = 0;
  for (const auto& p : r.execution ? r.execution->phases : std::vector<actors::phase>{})
    out += p.stdout_bytes, err += p.stderr_bytes;
  return "stdout=" + std::to_string(out) + "B stderr=" + std::to_string(err) + "B";
}

std::string description(const run& r, const std::vector<attachment>& attached,
                        const std::vector<attachment>& left_out) {
  auto text = "```\n" + shorten(defused(summary_of(r)), most_summary) + "\n```";
  const auto add = [&](std::string_view title, const std::vector<attachment>& files, std::string_view why) {
    if (files.empty()) return;
    (text += "\n") += title;
    for (const auto& f : files) text += " `" + f.name + "` (" + human_bytes(f.size) + ")";
    text += why;
  };
  add("Attachments:", attached, "");
  add("Left out:", left_out, ", past the limit of " + human_bytes(most_attached));
  return text;
}

/// An embed under construction, which never passes Discord's total.
class embed {
 public:
  embed(std::string title, std::string text, int colour_) {
    used_ = units(title) + units(text);
    out_ = {{"title", std::move(title)}, {"description", std::move(text)}, {"color", colour_}};
  }
  void field(std::string_view label, const std::string& value, bool is_inline) {
    const auto room = most_embed - used_;
    if (room < label.size() + 8) return;
    const auto shown = shorten(value.empty() ? "none" : value, std::min(most_value, room - label.size()));
    used_ += label.size() + units(shown);
    fields_.push_back(json::object{{"name", label}, {"value", shown}, {"inline", is_inline}});
  }
  json::object take() {
    out_["fields"] = std::move(fields_);
    return std::move(out_);
  }

 private:
  json::object out_;
  json::array fields_;
  std::size_t used_ = 0;
};

}  // namespace

std::string discord_payload(const run& r, const std::vector<attachment>& attached,
                            const std::vector<attachment>& left_out) {
  const auto& asked = r.asked;
  const auto found = std::string{r.analysis ? name(r.analysis->verdict) : "no verdict"};
  embed e{shorten(unmarked(asked.package_name + " " + asked.version) + ": " + found, most_title),
          description(r, attached, left_out), colour(r)};
  e.field("Verdict", found, true);
  e.field("Score", r.analysis ? std::to_string(r.analysis->score) + " / 100" : "none", true);
  e.field("Status", std::string{name(r.status)}, true);
  e.field("Package", span_of(asked.package_name, 220), true);
  e.field("Version", span_of(asked.version, 120), true);
  e.field("Mode", std::string{name(asked.mode)}, true);
  e.field("Run ID", span_of(r.run_id, 80), false);
  e.field("Timed Out", timed_out(r) ? "yes" : "no", true);
  e.field("Output", output(r), true);
  e.field("Run Details", details(r), false);
  const actors::highlights none;
  const auto& seen = r.analysis ? r.analysis->highlights : none;
  e.field("Files Written", list_of(seen.files_written), false);
  e.field("Network Connections", list_of(seen.network), false);
  return json::serialize(
      json::object{{"allowed_mentions", {{"parse", json::array()}}}, {"embeds", json::array{e.take()}}});
}

webhook_message compose_webhook(const run& r, const std::filesystem::path& run_folder) {
  std::vector<attachment> found, left_out;
  for (const auto& [file, type] :
       {std::pair{"audit.log.gz", "application/gzip"}, std::pair{"report.html", "text/html; charset=utf-8"}}) {
    std::error_code missing;
    const auto path = run_folder / file;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, missing))) continue;
    if (const auto size = std::filesystem::file_size(path, missing); !missing)
      found.push_back({file, type, path, size});
  }
  // People read the report and search the log: when both don't fit, the report goes first.
  std::uint64_t total = 0;
  for (auto a = found.rbegin(); a != found.rend(); ++a)
    if (total + a->size <= most_attached)
      total += a->size;
    else
      left_out.push_back(*a);
  std::erase_if(found, [&](const auto& a) {
    return std::any_of(left_out.begin(), left_out.end(), [&](const auto& l) { return l.name == a.name; });
  });
  webhook_message out{discord_payload(r, found, left_out), {}};
  out.files = std::move(found);
  return out;
}

}  // namespace lazaret::report
