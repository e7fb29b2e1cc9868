#include "sandbox/protocol.hpp"

#include <bit>

namespace lazaret::sandbox::protocol {
namespace {

// One description per struct serves both directions: `visit(codec, value)` names the members in wire order.
struct encoder {
  wire::writer& to;
  void operator()(const std::string& v) { to.text(v); }
  void operator()(bool v) { to.number(static_cast<std::uint8_t>(v)); }
  template <std::integral T>
  void operator()(T v) {
    to.number(v);
  }
  void operator()(double v) { to.number(std::bit_cast<std::uint64_t>(v)); }
  void operator()(bytes v) { to.number(v.count); }
  template <class R, class P>
  void operator()(std::chrono::duration<R, P> v) {
    to.number(static_cast<std::int64_t>(v.count()));
  }
  template <class E>
  requires std::is_enum_v<E>
  void bounded(E v, E) { to.number(static_cast<std::uint8_t>(v)); }
  template <class T>
  void operator()(const std::vector<T>& list) {
    to.number(static_cast<std::uint32_t>(list.size()));
    for (const auto& element : list) visit(*this, element);
  }
};

struct decoder {
  wire::reader& from;
  void operator()(std::string& v) { v = from.text(); }
  void operator()(bool& v) { v = from.flag(); }
  template <std::integral T>
  void operator()(T& v) {
    v = from.number<T>();
  }
  void operator()(double& v) { v = std::bit_cast<double>(from.number<std::uint64_t>()); }
  void operator()(bytes& v) { v.count = from.number<std::uint64_t>(); }
  template <class R, class P>
  void operator()(std::chrono::duration<R, P>& v) {
    v = std::chrono::duration<R, P>{from.number<std::int64_t>()};
  }
  template <class E>
  requires std::is_enum_v<E>
  void bounded(E& v, E last) {
    const auto n = from.number<std::uint8_t>();
    if (n > static_cast<std::uint8_t>(last)) return from.fail();
    v = static_cast<E>(n);
  }
  template <class T>
  void operator()(std::vector<T>& list) {
    list.resize(from.count(4));
    for (auto& element : list) visit(*this, element);
  }
};

// `Value` is T when decoding, const T when encoding.
template <class Value, class T>
concept is = std::same_as<std::remove_const_t<Value>, T>;

template <class Codec, class V>
requires is<V, std::string> || std::integral<V>
void visit(Codec& c, V& v) { c(v); }
template <class Codec, is<bind_mount> V>
void visit(Codec& c, V& v) {
  c(v.source), c(v.target), c(v.executable), c(v.optional), c(v.writable);
}
template <class Codec, is<tmpfs_mount> V>
void visit(Codec& c, V& v) {
  c(v.target), c(v.size), c(v.inodes), c(v.executable), c(v.writable);
}
template <class Codec, is<overlay_mount> V>
void visit(Codec& c, V& v) {
  c(v.lower), c(v.target), c(v.executable), c(v.writable), c(v.size), c(v.inodes), c(v.volume), c(v.own_depth);
}
template <class Codec, is<volume_mount> V>
void visit(Codec& c, V& v) {
  c(v.index), c(v.target), c(v.writable), c(v.executable);
}
template <class Codec, is<text_file> V>
void visit(Codec& c, V& v) {
  c(v.target), c(v.content), c(v.executable);
}
template <class Codec, is<symbolic_link> V>
void visit(Codec& c, V& v) {
  c(v.target), c(v.points_to);
}
template <class Codec, is<limits> V>
void visit(Codec& c, V& v) {
  c(v.wall), c(v.cpu), c(v.memory), c(v.address_space), c(v.pids), c(v.open_files), c(v.file_size), c(v.cpus);
  c(v.cpu_shares), c(v.output), c.bounded(v.when_output_exceeds, on_output_limit::kill);
}
template <class Codec, is<policy> V>
void visit(Codec& c, V& v) {
  c(v.argv), c(v.environment), c(v.working_directory), c(v.hostname), c(v.binds), c(v.tmpfs);
  c(v.overlays), c(v.volumes);
  c(v.files), c(v.links), c.bounded(v.network, network_mode::outbound), c(v.gateway_port), c(v.merge_output),
      c(v.mount_proc);
  c(v.audit_channel), c(v.observe), c(v.terminal.rows), c(v.terminal.columns), visit(c, v.limits);
}
template <class Codec, is<start_request> V>
void visit(Codec& c, V& v) {
  visit(c, v.what), c(v.volumes);
}
template <class Codec, is<program> V>
void visit(Codec& c, V& v) {
  c(v.argv), c(v.environment), c(v.working_directory);
}
template <class Codec, is<volume_options> V>
void visit(Codec& c, V& v) {
  c(v.size), c(v.inodes);
}
template <class Codec, is<outcome> V>
void visit(Codec& c, V& v) {
  c.bounded(v.reason, ending::canceled), c(v.code), c(v.signal), c(v.syscall), c(v.pids_exhausted), c(v.memory_killed);
  c(v.cpu_throttled), c(v.sampled), c(v.wall), c(v.cpu), c(v.peak_memory), c(v.peak_pids), c(v.bytes_written),
      c(v.processes);
}
template <class Codec, is<layer_report> V>
void visit(Codec& c, V& v) {
  c(v.name), c.bounded(v.state, layer_state::broken), c(v.required), c(v.detail);
}
template <class Codec, is<survey_answer> V>
void visit(Codec& c, V& v) {
  c(v.layers), c(v.namespaces), c(v.landlock_abi), c(v.refuses), visit(c, v.why);
}
template <class Codec, is<failure> V>
void visit(Codec& c, V& v) {
  c(v.step), c(v.error), c(v.subject), c(v.hint);
}
template <class Codec, is<volume_file> V>
void visit(Codec& c, V& v) {
  c(v.path), c(v.content);
}
template <class Codec, is<known_file> V>
void visit(Codec& c, V& v) {
  c(v.path), c(v.modified);
}
template <class Codec, is<gather_options> V>
void visit(Codec& c, V& v) {
  c(v.select), c(v.hidden), c(v.follow_links), c(v.place), c(v.known), c(v.most_files), c(v.entries), c(v.depth);
  c(v.path), c(v.file_size), c(v.most_bytes), c(v.ends_when_full), c(v.within);
}
template <class Codec, is<left_out> V>
void visit(Codec& c, V& v) {
  c(v.path), c.bounded(v.why, skipped::unreadable);
}
template <class Codec, is<gathered> V>
void visit(Codec& c, V& v) {
  c(v.files), c(v.left), c(v.complete);
  for (auto& count : v.left_in_all) c(count);
}
template <class Codec, is<handed_files::file> V>
void visit(Codec& c, V& v) {
  c(v.name), c(v.size);
}
template <class Codec, is<handed_files> V>
void visit(Codec& c, V& v) {
  c(v.files), c(v.more), c(v.directories), c(v.special), c(v.unreadable);
}

template <class T>
void put(wire::writer& to, const T& v) {
  encoder c{to};
  visit(c, v);
}
template <class T>
void get(wire::reader& from, T& v) {
  decoder c{from};
  visit(c, v);
}

}  // namespace

void write(wire::writer& to, const policy& p) { put(to, p); }
void write(wire::writer& to, const start_request& r) { put(to, r); }
void write(wire::writer& to, const program& p) { put(to, p); }
std::string kind_of(policy what) {
  what.argv.clear(), what.environment.clear(), what.working_directory.clear();
  return encode(kind::start, what);
}

std::uint64_t number_of(const std::string& kind) { return std::hash<std::string>{}(kind) | 1; }

void write(wire::writer& to, const volume_options& v) { put(to, v); }
void write(wire::writer& to, const outcome& o) { put(to, o); }
void write(wire::writer& to, const failure& f) { put(to, f); }
void write(wire::writer& to, const std::vector<volume_file>& files) { encoder{to}(files); }
void write(wire::writer& to, const std::vector<known_file>& files) { encoder{to}(files); }
void write(wire::writer& to, const gather_options& o) { put(to, o); }
void write(wire::writer& to, const gathered& g) { put(to, g); }
void write(wire::writer& to, const survey_answer& s) { put(to, s); }
void write(wire::writer& to, const handed_files& h) { put(to, h); }

void read(wire::reader& from, policy& p) { get(from, p); }
void read(wire::reader& from, start_request& r) { get(from, r); }
void read(wire::reader& from, program& p) { get(from, p); }
void read(wire::reader& from, volume_options& v) { get(from, v); }
void read(wire::reader& from, outcome& o) { get(from, o); }
void read(wire::reader& from, failure& f) { get(from, f); }
void read(wire::reader& from, std::vector<volume_file>& files) { decoder{from}(files); }
void read(wire::reader& from, std::vector<known_file>& files) { decoder{from}(files); }
void read(wire::reader& from, gather_options& o) { get(from, o); }
void read(wire::reader& from, gathered& g) { get(from, g); }
void read(wire::reader& from, survey_answer& s) { get(from, s); }
void read(wire::reader& from, handed_files& h) { get(from, h); }

failure decode_failure(std::string_view bytes) {
  wire::reader from{bytes};
  failure f;
  read(from, f);
  return from.complete() ? f : failure{"protocol", 0, "malformed message", {}};
}

}  // namespace lazaret::sandbox::protocol
