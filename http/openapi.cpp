#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "http/routes.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

/// What the table does not know of a route: its parameters, its body and what a success looks like.
struct details {
  std::string_view method, pattern;
  std::string_view parameters;  ///< a JSON array
  std::string_view body;        ///< name of a schema; empty: none
  std::string_view status;      ///< of success
  std::string_view type;        ///< media type of success
  std::string_view schema;      ///< of success; empty: any
  std::string_view failures;    ///< statuses, separated by spaces
  std::string_view body_type = "application/json";
};

constexpr std::string_view run_query = R"([
  {"name": "status", "in": "query", "schema": {"$ref": "#/components/schemas/Status"}},
  {"name": "package", "in": "query", "schema": {"type": "string", "maxLength": 200}},
  {"name": "verdict", "in": "query", "schema": {"$ref": "#/components/schemas/Verdict"}},
  {"name": "cursor", "in": "query", "schema": {"type": "string", "maxLength": 512}},
  {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}}])";
constexpr std::string_view run_path =
    R"([{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}}])";
constexpr std::string_view event_path = R"([
  {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}},
  {"name": "Last-Event-ID", "in": "header", "schema": {"type": "integer", "minimum": 0}},
  {"name": "last_event_id", "in": "query", "schema": {"type": "integer", "minimum": 0}}])";
constexpr std::string_view stage_path =
    R"([{"name": "name", "in": "path", "required": true, "schema": {"type": "string",
  "enum": ["ingress", "rate_limit", "queue", "download", "execution", "analysis", "report", "interactive", "batch"]}}])";
constexpr std::string_view job_path =
    R"([{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}])";
constexpr std::string_view artifact_path = R"([
  {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
  {"name": "filename", "in": "path", "required": true, "schema": {"type": "string"}},
  {"name": "Range", "in": "header", "schema": {"type": "string"}}])";

constexpr std::string_view execute_headers = R"([
  {"name": "Prefer", "in": "header", "schema": {"type": "string"}, "description":
  "`respond-async` (RFC 7240): as `async` in the body, which decides when both are there."},
  {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}, "description":
  "The same key gives the same execution for 24 h; with another request it is 409. Without `async` the execution is kept all the same, and the answer waits for its end."}])";
constexpr std::string_view job_headers = R"([
  {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}, "description":
  "The same key gives the same job for 24 h; with another request it is 409."}])";
constexpr std::string_view execute_answers =
    "With `async` the answer is 202 `{execution_id, status: queued}` with its Location, /v1/executions/{id}, once the "
    "request is on disk; it runs on the stage `batch`, and a restart of the service costs it nothing but the attempt "
    "that was under way. Else it runs now, and the answer is what it did.";
constexpr std::string_view stream_headers = R"([
  {"name": "Sec-WebSocket-Protocol", "in": "header", "schema": {"type": "string"}, "description":
  "`lazaret.stream` is agreed to when it is offered. A page in a browser, which can't set Authorization, offers its token beside it: `lazaret.stream, lazaret.bearer.TOKEN`, TOKEN in base64url without padding."}])";
/// OpenAPI has no words for a WebSocket.
constexpr std::string_view stream_protocol =
    "A WebSocket (RFC 6455). Every text message is one JSON object with a `type`; a binary message from the client is "
    "standard input. The client begins with `start` (within 10 s): the fields of POST /v1/execute, of which `stdin` is "
    "the first input, and `pty: {rows, cols}` for a terminal. Then, in any order, `stdin` (`text` or `base64`), "
    "`stdin_end`, `signal` (`signal`: HUP, INT, QUIT, ABRT, KILL, USR1, USR2, ALRM, TERM, CONT, STOP, TSTP or WINCH; "
    "to "
    "the program itself, not to its children: in a terminal type the control character for those) and `resize` "
    "(`rows`, "
    "`cols`; with a terminal only). The service sends `started`, `stdout` and `stderr` (`text`, or `base64` where it "
    "is "
    "not UTF-8) as they come, and ends with `exit`: the answer of POST /v1/execute without `stdout` and `stderr`, "
    "close "
    "code 1000; or with `error` (`status` as HTTP would have it, `detail`), close code 1008, 1009 (a message of more "
    "than 1 MiB, a `start` of more than MAX_BODY_MB) or 1013 (try again later). `output_bytes` caps what is sent. A "
    "client that reads slowly stops the program's output, not its clocks. One that closes the connection, or answers "
    "no "
    "ping for twice STREAM_PING_SEC, ends the program.";
constexpr std::string_view prebuild_path =
    R"([{"name": "tag", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 137}}])";
constexpr std::string_view cleanup_query =
    R"([{"name": "max_age_days", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 7}}])";

constexpr std::string_view json_type = "application/json", form_type = "multipart/form-data";
constexpr details known[] = {
    {"GET", "/healthz", "[]", "", "200", json_type, "Health", ""},
    {"GET", "/health", "[]", "", "200", json_type, "JailHealth", "503"},
    {"GET", "/readyz", "[]", "", "200", json_type, "Health", "503"},
    {"GET", "/metrics", "[]", "", "200", "text/plain", "", ""},
    {"GET", "/openapi.json", "[]", "", "200", json_type, "", ""},
    {"GET", "/", "[]", "", "200", "text/html", "", ""},
    {"POST", "/v1/triage", "[]", "Submission", "202", json_type, "Accepted", "400 409 422 429 503"},
    {"GET", "/v1/runs", run_query, "", "200", json_type, "Runs", "422"},
    {"GET", "/v1/runs/{id}", run_path, "", "200", json_type, "Run", "404"},
    {"DELETE", "/v1/runs/{id}", run_path, "", "200", json_type, "Run", "404 409 503"},
    {"GET", "/v1/runs/{id}/events", event_path, "", "200", "text/event-stream", "", "404 422 503"},
    {"GET", "/v1/runs/{id}/report.json", run_path, "", "200", json_type, "", "404"},
    {"GET", "/v1/runs/{id}/report.html", run_path, "", "200", "text/html", "", "404"},
    {"POST", "/v1/execute", execute_headers, "Execution", "200", json_type, "Executed", "400 404 409 413 422 500 503"},
    {"GET", "/v1/executions/{id}", job_path, "", "200", json_type, "ExecutionShown", "404"},
    {"DELETE", "/v1/executions/{id}", job_path, "", "200", json_type, "ExecutionShown", "404 409 503"},
    {"GET", "/v1/execute/stream", stream_headers, "", "101", "", "", "400 426 503"},
    {"POST", "/eval", "[]", "Eval", "200", json_type, "Evaluated", "400 413 415 503"},
    {"POST", "/run", "[]", "CodeRun", "200", json_type, "Ran", "400 403 404 413 422 503"},
    {"GET", "/images", "[]", "", "200", json_type, "Images", ""},
    {"GET", "/runtimes", "[]", "", "200", json_type, "Images", ""},
    {"POST", "/prebuild", "[]", "Prebuild", "200", json_type, "Prebuilt", "400 403 404 422 503"},
    {"GET", "/prebuilds", "[]", "", "200", json_type, "Prebuilds", ""},
    {"POST", "/prebuilds/cleanup", cleanup_query, "", "200", json_type, "CleanedUp", "403 422"},
    {"GET", "/prebuilds/{tag}", prebuild_path, "", "200", json_type, "PrebuildDetails", "404"},
    {"DELETE", "/prebuilds/{tag}", prebuild_path, "", "200", json_type, "PrebuildDeleted", "403 404"},
    {"POST", "/jobs", job_headers, "JobForm", "200", json_type, "JobQueued", "400 409 413 422 503", form_type},
    {"POST", "/jobs/sync", job_headers, "JobForm", "200", json_type, "JobDone", "400 409 413 422 503 504", form_type},
    {"GET", "/jobs/{id}", job_path, "", "200", json_type, "JobShown", "404"},
    {"DELETE", "/jobs/{id}", job_path, "", "200", json_type, "JobShown", "404 409 503"},
    {"GET", "/jobs/{id}/logs", job_path, "", "200", "text/plain", "", "404"},
    {"GET", "/jobs/{id}/logs/stream", job_path, "", "200", "text/event-stream", "", "404 503"},
    {"GET", "/jobs/{id}/artifacts/{filename}", artifact_path, "", "200", "application/octet-stream", "", "404 416"},
    {"GET", "/v1/stages", "[]", "", "200", json_type, "Stages", "503"},
    {"PATCH", "/v1/stages/{name}", stage_path, "StageChange", "200", json_type, "Stage", "404 409 422 503"},
};

constexpr std::string_view components = R"({
"securitySchemes": {"token": {"type": "http", "scheme": "bearer"},
  "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
"schemas": {
  "Error": {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}},
  "Health": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
  "JailHealth": {"type": "object", "required": ["status", "docker_connected", "auth_enabled", "layers"], "properties": {
    "status": {"type": "string", "enum": ["ok", "degraded"]}, "docker_connected": {"type": "boolean"},
    "auth_enabled": {"type": "boolean"}, "detail": {"type": "string"}, "layers": {"type": "array", "items": {
      "type": "object", "required": ["name", "state", "required", "detail"], "properties": {"name": {"type": "string"},
      "state": {"type": "string", "enum": ["active", "unavailable", "broken"]}, "required": {"type": "boolean"},
      "detail": {"type": "string"}}}}}},
  "Status": {"type": "string", "enum": ["queued", "running", "completed", "failed", "canceled"]},
  "Verdict": {"type": "string", "enum": ["benign", "suspicious", "malicious", "inconclusive"]},
  "Submission": {"type": "object", "required": ["package_name", "version"], "additionalProperties": false, "properties": {
    "package_name": {"type": "string", "minLength": 1, "maxLength": 200},
    "version": {"type": "string", "minLength": 1, "maxLength": 100},
    "mode": {"type": "string", "enum": ["install", "execute", "execute_module", "full"], "default": "install"},
    "file_path": {"type": ["string", "null"], "minLength": 1, "maxLength": 500},
    "entrypoint": {"type": ["string", "null"], "minLength": 1, "maxLength": 200},
    "module_name": {"type": ["string", "null"], "minLength": 1, "maxLength": 200},
    "ecosystem": {"type": "string", "enum": ["pypi"], "default": "pypi"},
    "priority": {"type": "integer", "minimum": -100, "maximum": 100, "default": 0}, "force": {"type": "boolean", "default": false}}},
  "Accepted": {"type": "object", "required": ["run_id", "status"], "properties": {
    "run_id": {"type": "string", "format": "uuid"}, "status": {"const": "accepted"}}},
  "Finding": {"type": "object", "properties": {"rule": {"type": "string"}, "severity": {"type": "string"},
    "title": {"type": "string"}, "evidence": {"type": "array", "items": {"type": "string"}}}},
  "Run": {"type": "object", "required": ["run_id", "package_name", "version", "mode", "status"], "properties": {
    "run_id": {"type": "string", "format": "uuid"}, "ecosystem": {"type": "string"}, "package_name": {"type": "string"},
    "version": {"type": "string"}, "mode": {"type": "string"}, "status": {"$ref": "#/components/schemas/Status"},
    "verdict": {"anyOf": [{"$ref": "#/components/schemas/Verdict"}, {"type": "null"}]},
    "score": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
    "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
    "stages": {"type": "array", "items": {"type": "object"}}, "usage": {"type": ["object", "null"]},
    "created_at": {"type": "string", "format": "date-time"}, "started_at": {"type": ["string", "null"]},
    "finished_at": {"type": ["string", "null"]}, "error": {"type": ["string", "null"]}, "priority": {"type": "integer"},
    "reused_from": {"type": ["string", "null"]}, "position": {"type": ["integer", "null"], "minimum": 0},
    "estimate_sec": {"type": ["number", "null"], "minimum": 0}}},
  "Runs": {"type": "object", "required": ["runs", "next_cursor"], "properties": {
    "runs": {"type": "array", "items": {"$ref": "#/components/schemas/Run"}}, "next_cursor": {"type": ["string", "null"]}}},
  "Execution": {"type": "object", "additionalProperties": false, "properties": {
    "runtime": {"type": "string", "enum": ["python", "node", "go", "rust", "deno", "bun", "ruby"]}, "source": {"type": "string"},
    "keep": {"type": "boolean", "default": false}, "artifact": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    "compile_limits": {"type": "object", "additionalProperties": false, "properties": {
      "wall_ms": {"type": "integer", "default": 60000}, "cpu_ms": {"type": "integer"},
      "memory_mb": {"type": "integer", "default": 1024}, "pids": {"type": "integer", "default": 256},
      "disk_mb": {"type": "integer", "default": 512}, "output_bytes": {"type": "integer", "default": 1048576}}},
    "argv": {"type": "array", "items": {"type": "string"}}, "args": {"type": "array", "items": {"type": "string"}},
    "stdin": {"type": "string"}, "env": {"type": "object", "additionalProperties": {"type": "string"}},
    "files": {"type": "array", "items": {"type": "object", "required": ["path"], "additionalProperties": false,
      "properties": {"path": {"type": "string"}, "text": {"type": "string"}, "base64": {"type": "string"}}}},
    "limits": {"type": "object", "additionalProperties": false, "properties": {
      "wall_ms": {"type": "integer", "default": 10000}, "cpu_ms": {"type": "integer"},
      "memory_mb": {"type": "integer", "default": 256}, "pids": {"type": "integer", "default": 64},
      "disk_mb": {"type": "integer", "default": 64}, "output_bytes": {"type": "integer", "default": 1048576}}},
    "network": {"type": "string", "enum": ["none", "outbound"], "default": "none",
                "description": "`outbound`: TCP and names of public addresses; needs ALLOW_OUTBOUND"},
    "hosts": {"type": "array", "items": {"type": "string"}, "maxItems": 64,
              "description": "with `outbound`: only these names, and the addresses that they have"},
    "output": {"type": "string", "enum": ["separate", "merged"], "default": "separate"},
    "async": {"type": "boolean", "default": false, "description": "answer 202 and an id, run it when its turn comes"},
    "return_files": {"type": "object", "additionalProperties": false, "properties": {
      "pattern": {"type": "string", "default": "**/*"}, "hidden": {"type": "boolean", "default": false}, "max_files": {"type": "integer", "default": 100},
      "max_bytes": {"type": "integer", "default": 16777216}}}}},
  "Executed": {"type": "object", "required": ["outcome", "stdout", "stderr", "usage", "files"], "properties": {
    "outcome": {"type": "string", "enum": ["exited", "signalled", "wall_timeout", "cpu_timeout", "out_of_memory",
      "output_limit", "syscall_denied", "canceled", "compile_failed"]},
    "compile": {"type": ["object", "null"], "description": "outcome, output and usage as for the run",
      "properties": {"succeeded": {"type": "boolean"}, "kept_before": {"type": "boolean"}}},
    "artifact": {"type": ["string", "null"]},
    "description": {"type": "string"}, "exit_code": {"type": ["integer", "null"]}, "signal": {"type": ["integer", "null"]},
    "syscall": {"type": ["string", "null"]}, "pids_exhausted": {"type": "boolean"},
    "stdout": {"type": "string"}, "stdout_base64": {"type": "string"}, "stdout_bytes": {"type": "integer"},
    "stderr": {"type": "string"}, "stderr_base64": {"type": "string"}, "stderr_bytes": {"type": "integer"},
    "output_truncated": {"type": "boolean"}, "usage": {"type": ["object", "null"]},
    "files_complete": {"type": "boolean"},
    "files_left": {"type": "array", "items": {"type": "object", "required": ["path", "why"], "properties": {
      "path": {"type": "string"}, "why": {"type": "string", "enum": ["symbolic_link", "fifo", "socket", "device", "other_mount",
      "too_large", "too_many", "too_deep", "path_too_long", "not_utf8", "changed", "unreadable"]}}}},
    "files": {"type": "array", "items": {"type": "object", "required": ["path", "size"], "properties": {
      "path": {"type": "string"}, "size": {"type": "integer"}, "text": {"type": "string"}, "base64": {"type": "string"}}}}}},
  "ExecutionQueued": {"type": "object", "required": ["execution_id", "status"], "properties": {
    "execution_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "status": {"const": "queued"}}},
  "ExecutionShown": {"description": "With all fields of Executed once the program has run, or was canceled while it ran",
    "type": "object", "required": ["execution_id", "status", "created_at", "started_at", "finished_at", "attempts", "error"],
    "properties": {"execution_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "status": {"description": "`completed`: the program ran, `outcome` says how it ended; `failed`: it could not be run, `error` says why",
      "allOf": [{"$ref": "#/components/schemas/Status"}]},
    "created_at": {"type": "string", "format": "date-time"}, "started_at": {"type": ["string", "null"]},
    "finished_at": {"type": ["string", "null"]}, "attempts": {"type": "integer"}, "error": {"type": ["string", "null"]}},
    "if": {"properties": {"status": {"const": "completed"}}}, "then": {"$ref": "#/components/schemas/Executed"}},
  "Eval": {"type": "object", "anyOf": [{"required": ["input"]}, {"required": ["args"]}], "properties": {
    "input": {"type": "string"}, "args": {"type": "array", "items": {"type": "string"}},
    "executable_path": {"type": "string"}, "files": {"type": "array", "items": {"type": "object", "required": ["path"],
      "properties": {"path": {"type": "string"}, "content": {"type": "string"}}}}}},
  "Evaluated": {"type": "object", "required": ["stdout", "returncode", "files"], "properties": {
    "stdout": {"type": "string"}, "returncode": {"type": ["integer", "null"]}, "files": {"type": "array", "items": {
      "type": "object", "required": ["path", "size", "content"], "properties": {"path": {"type": "string"},
      "size": {"type": "integer"}, "content": {"type": "string"}}}}}},
  "CodeRun": {"type": "object", "required": ["code"], "properties": {
    "code": {"type": "string"}, "image": {"type": "string", "default": "python"},
    "files": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    "entrypoint": {"type": ["string", "null"]}, "timeout": {"type": ["integer", "null"], "minimum": 1},
    "mem_limit": {"type": ["string", "null"]}, "cpu_shares": {"type": ["integer", "null"], "minimum": 2},
    "disk_limit": {"type": ["string", "null"]}, "allow_network": {"type": "boolean", "default": false},
    "environment": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    "prebuild_spec": {"type": ["object", "null"], "required": ["base_image", "setup_script"], "properties": {
      "base_image": {"type": "string"}, "setup_script": {"type": "string"}}}}},
  "Ran": {"type": "object", "required": ["stdout", "stderr", "exit_code", "execution_time"], "properties": {
    "stdout": {"type": "string"}, "stderr": {"type": "string"}, "exit_code": {"type": "integer"},
    "execution_time": {"type": "number"}, "metadata": {}, "reason": {"type": "string"},
    "output_truncated": {"type": "boolean"}, "usage": {"type": "object"}}},
  "Images": {"type": "object", "required": ["images", "default"], "properties": {"default": {"type": "string"},
    "images": {"type": "array", "items": {"type": "object", "required": ["id", "name", "description", "default_entrypoint",
      "file_extension", "main_file", "completions"], "properties": {"id": {"type": "string"}, "name": {"type": "string"},
      "description": {"type": "string"}, "default_entrypoint": {"type": "string"}, "file_extension": {"type": "string"},
      "main_file": {"type": "string"}, "completions": {"type": "array"}, "available": {"type": "boolean"},
      "version": {"type": "string"}, "install": {"type": "string"}}}}}},
  "Prebuild": {"type": "object", "required": ["tag", "setup_script"], "properties": {"tag": {"type": "string", "maxLength": 137},
    "base_image": {"type": "string", "default": "python"}, "setup_script": {"type": "string", "maxLength": 1048576}}},
  "Prebuilt": {"type": "object", "required": ["tag", "base_image", "size_bytes", "layer_size_bytes", "status"], "properties": {
    "tag": {"type": "string"}, "base_image": {"type": "string"}, "size_bytes": {"type": "integer"},
    "layer_size_bytes": {"type": "integer"}, "status": {"const": "ready"}}},
  "PrebuildDetails": {"type": "object", "required": ["tag", "size_bytes", "created", "labels"], "properties": {
    "tag": {"type": "string"}, "size_bytes": {"type": "integer"}, "created": {"type": "string", "format": "date-time"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "Prebuilds": {"type": "object", "required": ["prebuilds"], "properties": {
    "prebuilds": {"type": "array", "items": {"$ref": "#/components/schemas/PrebuildDetails"}}}},
  "PrebuildDeleted": {"type": "object", "required": ["status", "tag"], "properties": {
    "status": {"const": "deleted"}, "tag": {"type": "string"}}},
  "CleanedUp": {"type": "object", "required": ["removed", "count"], "properties": {
    "removed": {"type": "array", "items": {"type": "string"}}, "count": {"type": "integer"}}},
  "JobSpec": {"type": "object", "properties": {
    "runtime": {"type": "string", "default": "python3.12"}, "entry": {"type": "string", "default": "main.py"},
    "args": {"type": "array", "items": {"type": "string"}},
    "timeout_sec": {"type": "integer", "minimum": 1, "maximum": 600, "default": 60},
    "cpu_limit": {"type": "number", "exclusiveMinimum": 0, "maximum": 64, "default": 1.0},
    "mem_limit_mb": {"type": "integer", "minimum": 33, "default": 512},
    "pids_limit": {"type": "integer", "minimum": 1, "maximum": 32000, "default": 128},
    "net_policy": {"type": "string", "enum": ["none", "outbound"], "default": "none"},
    "env": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "JobForm": {"type": "object", "required": ["spec"], "properties": {
    "spec": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": "#/components/schemas/JobSpec"}},
    "code_files": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}},
    "input_files": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}}},
  "JobQueued": {"type": "object", "required": ["job_id", "status"], "properties": {
    "job_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "status": {"const": "queued"}}},
  "Job": {"type": "object", "required": ["id", "spec", "status", "created_at", "started_at", "finished_at", "exit_code",
      "error", "artifacts"], "properties": {
    "id": {"type": "string"}, "spec": {"$ref": "#/components/schemas/JobSpec"},
    "status": {"type": "string", "enum": ["queued", "running", "succeeded", "failed", "canceled"]},
    "created_at": {"type": "string", "format": "date-time"}, "started_at": {"type": ["string", "null"]},
    "finished_at": {"type": ["string", "null"]}, "exit_code": {"type": ["integer", "null"]},
    "error": {"type": ["string", "null"]}, "artifacts": {"type": "array", "items": {"type": "string"}}}},
  "JobShown": {"type": "object", "required": ["job"], "properties": {
    "job": {"$ref": "#/components/schemas/Job"}, "log_lines": {"type": "integer"}}},
  "JobDone": {"type": "object", "required": ["job", "logs", "artifacts"], "properties": {
    "job": {"$ref": "#/components/schemas/Job"}, "logs": {"type": "string"},
    "artifacts": {"type": "array", "items": {"type": "string"}}}},
  "Stage": {"type": "object", "required": ["name", "queue_depth", "in_flight", "concurrency", "queue_limit", "healthy", "here"],
    "properties": {"name": {"type": "string"}, "queue_depth": {"type": "integer"}, "in_flight": {"type": "integer"},
    "concurrency": {"type": "integer"}, "queue_limit": {"type": "integer"}, "healthy": {"type": "boolean"},
    "here": {"type": "boolean", "description": "false: this node leaves the stage to others"}}},
  "Stages": {"type": "object", "properties": {"stages": {"type": "array", "items": {"$ref": "#/components/schemas/Stage"}}}},
  "StageChange": {"type": "object", "additionalProperties": false, "minProperties": 1, "properties": {
    "concurrency": {"type": "integer", "minimum": 1, "maximum": 64},
    "queue_limit": {"type": "integer", "minimum": 1, "maximum": 100000}}}
}})";

json::object content(std::string_view type, std::string_view schema) {
  json::object media;
  if (!schema.empty()) media["schema"] = {{"$ref", "#/components/schemas/" + std::string{schema}}};
  return {{type, std::move(media)}};
}

void add_failure(json::object& responses, std::string_view status) {
  auto phrase = reason_phrase(static_cast<unsigned>(std::stoi(std::string{status})));
  responses[status] = {{"description", phrase}, {"content", content(json_type, "Error")}};
}

json::object operation(const route& r) {
  json::object o{{"summary", r.summary}};
  const bool has_keys = r.needs == access::key;
  o["security"] = json::array{};
  if (r.needs == access::token || has_keys) o["security"].get_array().push_back(json::object{{"token", json::array{}}});
  if (has_keys) o["security"].get_array().push_back(json::object{{"key", json::array{}}});
  for (const auto& d : known) {
    if (d.method != r.method || d.pattern != r.pattern) continue;
    o["parameters"] = json::parse(d.parameters);
    if (!d.body.empty()) o["requestBody"] = {{"required", true}, {"content", content(d.body_type, d.body)}};
    json::object responses{
        {d.status, {{"description", reason_phrase(static_cast<unsigned>(std::stoi(std::string{d.status})))}}}};
    if (d.status == "101")
      o["description"] = stream_protocol;
    else
      responses[d.status].as_object()["content"] = content(d.type, d.schema);
    if (d.schema == "Executed") {
      o["description"] = execute_answers;
      responses["202"] = {{"description", reason_phrase(202)}, {"content", content(json_type, "ExecutionQueued")}};
    }
    if (r.needs == access::token || has_keys) add_failure(responses, "401");
    for (std::size_t at = 0; at + 3 <= d.failures.size(); at += 4) add_failure(responses, d.failures.substr(at, 3));
    o["responses"] = std::move(responses);
  }
  return o;
}

}  // namespace

std::string openapi(std::span<const route> table) {
  json::object paths;
  for (const auto& r : table) {
    std::string method{r.method};
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    auto& path = paths[r.pattern];
    if (!path.is_object()) path.emplace_object();
    path.get_object()[method] = operation(r);
  }
  json::object document{{"openapi", "3.1.0"}};
  document["info"] = {
      {"title", "Lazaret"}, {"version", LAZARET_VERSION}, {"description", "A quarantine station for untrusted code"}};
  document["paths"] = std::move(paths);
  document["components"] = json::parse(components);
  return json::serialize(document);
}

}  // namespace lazaret::http
