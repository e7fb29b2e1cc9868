#pragma once
/// Hands a failure up to the caller, so that a sequence of steps reads as a checklist.
#ifdef LAZARET_TIMELINE
#include "sandbox/timeline.hpp"
#define LAZARET_NOTE(text) \
  const timeline::step step_ { __FILE__, text }
#else
#define LAZARET_NOTE(text) static_cast<void>(0)
#endif
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): only a macro can return from the function that it stands in.
#define LAZARET_TRY(...)                                          \
  do {                                                            \
    LAZARET_NOTE(#__VA_ARGS__);                                   \
    if (auto done_ = (__VA_ARGS__); !done_) return done_.error(); \
  } while (false)
