#pragma once
/// Hands a failure up to the caller, so that a sequence of steps reads as a checklist.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): only a macro can return from the function that it stands in.
#define LAZARET_TRY(...)                                          \
  do {                                                            \
    if (auto done_ = (__VA_ARGS__); !done_) return done_.error(); \
  } while (false)
