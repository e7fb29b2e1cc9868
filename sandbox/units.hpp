#pragma once
/// Units live in types: sizes are `bytes`, times are std::chrono.

#include <compare>
#include <cstdint>

namespace lazaret::sandbox {

struct bytes {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(bytes, bytes) = default;
  friend constexpr bytes operator+(bytes a, bytes b) { return {a.count + b.count}; }
};

inline namespace literals {
constexpr bytes operator""_B(unsigned long long n) { return {n}; }
constexpr bytes operator""_KiB(unsigned long long n) { return {n << 10}; }
constexpr bytes operator""_MiB(unsigned long long n) { return {n << 20}; }
constexpr bytes operator""_GiB(unsigned long long n) { return {n << 30}; }
}  // namespace literals

}  // namespace lazaret::sandbox
