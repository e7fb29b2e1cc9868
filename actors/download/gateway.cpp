#include "actors/download/gateway.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "actors/download/choose.hpp"
#include "actors/download/filename.hpp"
#include "actors/download/page.hpp"
#include "actors/download/specifier.hpp"
#include "actors/names.hpp"

namespace lazaret::download {
namespace {

/// One line, printable, short enough for a status line.
std::string as_reason(std::string_view text) {
  std::string line{text.substr(0, 200)};
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return line;
}

int status_for(problem what) {
  switch (what) {
    case problem::not_found:
      return 404;
    case problem::refused:
    case problem::cap_exceeded:
      return 403;
    case problem::timeout:
      return 504;
    case problem::canceled:
      return 503;
    case problem::local:
      return 507;
    case problem::digest_mismatch:
    case problem::transport:
    case problem::malformed:
      return 502;
  }
  return 502;
}

constexpr std::string_view metadata_ending = ".metadata";

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain_char = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '_' || c == '.' || c == '~' || c == '+' || c == '!';
    if (plain_char)
      out += c;
    else
      (out += '%') += digits[byte >> 4], out += digits[byte & 15];
  }
  return out;
}

}  // namespace

gateway_response gateway_says(int status, std::string_view reason) {
  gateway_response r;
  r.status = status;
  r.reason = as_reason(reason);
  r.body = r.reason + "\n";
  return r;
}

gateway_response gateway_says(const download_error& error) { return gateway_says(status_for(error.what), error.text); }

/// A project that this run has seen: its files under our own URLs, and where they really are.
struct gateway::project {
  std::string name;
  std::vector<index_file> shown;            // with our URLs
  std::map<std::string, wanted_blob> real;  // by the last segment of our URL, as percent_encoded wrote it
};

gateway::gateway(registry& upstream, download_budget& budget, gateway_options options)
    : upstream_{upstream}, budget_{budget}, options_{std::move(options)} {
  const auto& a = options_.artefact;
  if (!a.sha256.empty()) paid_[a.url] = {a.url, a.sha256, a.size};
}

gateway::~gateway() = default;

gateway_record gateway::record() const {
  const std::scoped_lock lock{mutex_};
  auto copy = record_;
  copy.cap_exceeded = copy.cap_exceeded || budget_.exceeded();
  return copy;
}

void gateway::note(std::string rule, std::string evidence) {
  const std::scoped_lock lock{mutex_};
  const auto same = [&](const actors::note& n) { return n.rule == rule && n.evidence == evidence; };
  if (record_.notes.size() >= 100 || std::any_of(record_.notes.begin(), record_.notes.end(), same)) return;
  record_.notes.push_back({std::move(rule), std::move(evidence)});
}

gateway_response gateway::refuse(const download_error& error, const std::string& subject) {
  if (error.what == problem::cap_exceeded && error.text == cap_text) {
    note("download_cap", std::string{cap_text} + ": " + subject);
    const std::scoped_lock lock{mutex_};
    record_.cap_exceeded = true;
  } else if (error.what == problem::digest_mismatch) {
    note("digest_mismatch", error.text);
  }
  return gateway_says(error);
}

gateway_response gateway::answer(const gateway_request& request, std::stop_token stop) {
  const auto so_far = [this] {
    const std::scoped_lock lock{mutex_};
    return ++requests_;
  }();
  if (so_far > options_.most_requests) {
    note("gateway_abuse", "more than " + std::to_string(options_.most_requests) + " requests to the registry gateway");
    return gateway_says(429, "too many requests in this run");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    note("gateway_abuse", "a " + as_reason(request.method.substr(0, 20)) + " request to the registry gateway");
    return gateway_says(405, "only GET and HEAD");
  }
  std::string_view path = request.target;
  if (path.size() > options_.longest_target) return gateway_says(414, "target too long");
  path = path.substr(0, path.find('?'));
  constexpr std::string_view simple = "/simple/", files = "/files/";
  if (path.starts_with(simple)) {
    path.remove_prefix(simple.size());
    if (path.ends_with('/')) path.remove_suffix(1);
    return answer_project(path, request, stop);
  }
  if (path.starts_with(files)) return answer_file(path.substr(files.size()), request, stop);
  return gateway_says(404, "only /simple/NAME/ is here");
}

std::shared_ptr<const gateway::project> gateway::make_project(const std::string& name, std::size_t number,
                                                              const index_page& page) const {
  auto made = std::make_shared<project>();
  made->name = name;
  const bool own = name == actors::normalise_name(options_.package_name) && !options_.artefact.filename.empty();
  const specifier pinned{"==", options_.version, parse_version(options_.version), false};
  const auto show = [&](index_file file) {
    wanted_blob real{file.url, file.sha256, file.size};
    const auto segment = percent_encoded(file.filename);
    if (file.has_metadata)
      made->real.emplace(segment + std::string{metadata_ending},
                         wanted_blob{file.url + std::string{metadata_ending}, file.metadata_sha256, {}});
    made->real.emplace(segment, std::move(real));
    file.url = "/files/" + std::to_string(number) + "/" + segment;
    made->shown.push_back(std::move(file));
  };
  for (const auto& file : page.files) {
    if (!is_distribution(file.filename)) continue;
    if (own) {
      const auto v = version_of(file, name);
      if (v && pinned.to && allows(pinned, *v)) continue;  // of that version only the artefact, below
    }
    show(file);
  }
  if (own) {
    const auto& a = options_.artefact;
    index_file file;
    file.filename = a.filename;
    file.url = a.url;
    file.sha256 = a.sha256;
    file.size = a.size;
    file.requires_python = a.requires_python;
    if (a.yanked) file.yanked = "";
    show(std::move(file));
  }
  return made;
}

gateway_response gateway::answer_project(std::string_view asked, const gateway_request& request,
                                         const std::stop_token& stop) {
  if (!actors::is_package_name(asked)) return gateway_says(404, "not a package name");
  const auto name = actors::normalise_name(asked);
  if (actors::is_denied(name, upstream_.options().denylist)) {
    note("denied_dependency", name);
    return gateway_says(403, "package is denied: " + name);
  }
  std::shared_ptr<const project> found;
  {
    const std::scoped_lock lock{mutex_};
    if (const auto it = numbers_.find(name); it != numbers_.end()) found = projects_[it->second];
  }
  if (!found) {
    const auto page = upstream_.page(name, &budget_, stop);
    if (!page) return refuse(page.error(), name);
    std::unique_lock lock{mutex_};
    if (const auto it = numbers_.find(name); it != numbers_.end()) {
      found = projects_[it->second];
    } else if (projects_.size() < options_.most_projects) {
      found = make_project(name, projects_.size(), **page);
      numbers_.emplace(name, projects_.size());
      projects_.push_back(found);
    } else {
      lock.unlock();
      note("gateway_abuse", "more than " + std::to_string(options_.most_projects) + " projects asked for");
      return gateway_says(429, "too many projects in this run");
    }
  }
  gateway_response r;
  const bool json = prefers_json(request.accept);
  r.reason = "OK";
  r.content_type = json ? std::string{json_page} : "text/html; charset=utf-8";
  r.body = json ? write_json(name, found->shown) : write_html(name, found->shown);
  return r;
}

gateway_response gateway::answer_file(std::string_view rest, const gateway_request&, const std::stop_token& stop) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || end == rest.data() + rest.size() || *end != '/') return gateway_says(404, "no such file");
  const auto segment = rest.substr(static_cast<std::size_t>(end - rest.data()) + 1);
  std::shared_ptr<const project> owner;
  {
    const std::scoped_lock lock{mutex_};
    if (number < projects_.size()) owner = projects_[number];
  }
  if (!owner) return gateway_says(404, "no such file");
  // Clients may escape more or less than we did: compare in one form.
  std::string decoded;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    unsigned byte = 0;
    if (segment[i] == '%' && i + 2 < segment.size() &&
        std::from_chars(segment.data() + i + 1, segment.data() + i + 3, byte, 16).ptr == segment.data() + i + 3) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += segment[i];
    }
  }
  const auto it = owner->real.find(percent_encoded(decoded));
  if (it == owner->real.end()) return gateway_says(404, "no such file");
  return hand_out(it->second, decoded, decoded.ends_with(metadata_ending), stop);
}

gateway_response gateway::hand_out(const wanted_blob& wanted, const std::string& filename, bool is_metadata,
                                   const std::stop_token& stop) {
  // What was paid for is pinned: its digest and size bound a second download, should the cache have lost it. Only a
  // success is remembered; two requests at once for one file pay twice rather than not at all.
  std::optional<wanted_blob> pinned;
  {
    const std::scoped_lock lock{mutex_};
    if (const auto it = paid_.find(wanted.url); it != paid_.end()) pinned = it->second;
  }
  const auto got = upstream_.file(pinned ? *pinned : wanted, pinned ? nullptr : &budget_, stop);
  if (!got) return refuse(got.error(), filename);
  gateway_response r;
  r.reason = "OK";
  r.content_type = "application/octet-stream";
  r.file = got->file;
  r.file_size = got->size;
  const std::scoped_lock lock{mutex_};
  paid_.insert_or_assign(wanted.url, wanted_blob{wanted.url, got->sha256, got->size});
  if (!pinned) (got->from_cache ? record_.bytes_from_cache : record_.bytes_from_index) += got->size;
  const auto known = [&](const actors::dependency& d) { return d.sha256 == got->sha256; };
  if (!is_metadata && got->sha256 != options_.artefact.sha256 &&
      std::none_of(record_.dependencies.begin(), record_.dependencies.end(), known))
    record_.dependencies.push_back({filename, got->sha256, got->size, got->from_cache});
  return r;
}

}  // namespace lazaret::download
