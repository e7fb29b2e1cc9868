#include "http/execute/answer.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <system_error>

#include "actors/json.hpp"
#include "http/base64.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>{time}.count(); }

json::value usage(const sandbox::outcome& how) {
  return {{"wall_seconds", seconds(how.wall)},
          {"cpu_seconds", seconds(how.cpu)},
          {"peak_memory_bytes", how.peak_memory.count},
          {"peak_pids", how.peak_pids},
          {"processes", how.processes},
          {"bytes_written", how.bytes_written.count}};
}

/// Text where it is text, and the very bytes where it isn't.
void put_text(json::object& into, const char* text_key, const char* bytes_key, const std::string& bytes) {
  auto text = actors::valid_utf8(bytes);
  if (text != bytes) into[bytes_key] = encode_base64(bytes);
  into[text_key] = std::move(text);
}

/// What one stage did. Of a stage that did not run: nothing but empty texts.
json::object render_stage(const actors::program_result& done) {
  const auto& how = done.how;
  json::object body{{"outcome", sandbox::name(how.reason)},
                    {"description", sandbox::describe(how)},
                    {"exit_code", how.signal == 0 ? json::value(how.code) : json::value(nullptr)},
                    {"signal", how.signal != 0 ? json::value(how.signal) : json::value(nullptr)},
                    {"syscall", how.syscall.empty() ? json::value(nullptr) : json::value(how.syscall)},
                    {"pids_exhausted", how.pids_exhausted},
                    {"stdout_bytes", done.out_bytes},
                    {"stderr_bytes", done.err_bytes},
                    {"output_truncated", done.truncated},
                    {"usage", usage(how)}};
  put_text(body, "stdout", "stdout_base64", done.out);
  put_text(body, "stderr", "stderr_base64", done.err);
  return body;
}

json::value render_compile(const actors::compiled& done) {
  auto body = render_stage(done.result);
  body["succeeded"] = done.succeeded;
  body["kept_before"] = done.kept_before;
  return body;
}

}  // namespace

json::object describe_execution(const actors::execution_answer& done) {
  auto body = render_stage(done);
  body["files_complete"] = done.left.complete;
  body["compile"] = done.compile ? render_compile(*done.compile) : json::value(nullptr);
  body["artifact"] = done.artifact.empty() ? json::value(nullptr) : json::value(done.artifact);
  if (done.compile && !done.compile->succeeded) {
    body["outcome"] = "compile_failed";
    body["description"] = "the program was not run: it did not compile";
    body["exit_code"] = nullptr;
    body["usage"] = nullptr;
  }
  json::array files;
  for (const auto& file : done.left.files) {
    json::object one{{"path", file.path}, {"size", file.content.size()}};
    if (actors::valid_utf8(file.content) == file.content)
      one["text"] = file.content;
    else
      one["base64"] = encode_base64(file.content);
    files.push_back(std::move(one));
  }
  body["files"] = std::move(files);
  json::array left;
  for (const auto& [path, why] : done.left.left)
    left.push_back({{"path", actors::valid_utf8(path)}, {"why", name(why)}});
  body["files_left"] = std::move(left);
  return body;
}

refusal_text describe_refusal(const actors::execution_answer& done, const std::vector<std::string>& paths) {
  if (done.no_such_artifact) return {404, "artifact: is not kept, or not any more: send the source again"};
  if (!done.misplaced) return {422, "argv[0]: can't be run: " + std::generic_category().message(done.not_started)};
  const auto found = std::ranges::find(paths, done.misplaced->path);
  const auto field =
      found == paths.end() ? std::string{"source"} : "files[" + std::to_string(found - paths.begin()) + "]";
  return {422, field + ": can't be written: " + std::generic_category().message(done.misplaced->error)};
}

std::vector<std::string> own_paths(const actors::execution_request& what) {
  std::vector<std::string> paths;
  for (std::size_t n = what.own_files; n < what.files.size(); ++n) paths.push_back(what.files[n].path);
  return paths;
}

bool has_run(const actors::execution_answer& done) {
  return !done.misplaced && done.not_started == 0 && !done.no_such_artifact;
}

}  // namespace lazaret::http
