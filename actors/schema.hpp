#pragma once
/// The tables of the embedded store and how an older file gets them. The version is SQLite's user_version.

#include <string>

#include "actors/sqlite.hpp"

namespace lazaret::actors {

/// Makes the file what this program knows, step by step, each step whole or not at all; then WAL, synchronous=FULL.
/// Throws sqlite::error, also when a newer program wrote the file. Call before anything else uses the connection.
void prepare_schema(sqlite::connection& writer);

}  // namespace lazaret::actors
