#pragma once
// JSON from files nobody vouches for.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/mapped_file.hpp"

namespace cria::io {

using json = nlohmann::json;

/// Parses `text`. Throws cria::error, under the name `where`, for what is not JSON, nests deeper than `depth`, or names
/// a member twice.
inline json parse_json(std::string const& where, std::string_view text, int depth = 16) {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  auto const watch = [&](int level, json::parse_event_t event, json& value) {
    if (level > depth) throw error(where, "JSON nests too deeply", fmt::format("at most {} levels", depth), "more");
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event == json::parse_event_t::key && !names.back().insert(value.get<std::string>()).second)
      throw error(where, "a member is there twice", "one " + printable(value.get<std::string>()), "two");
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (json::parse_error const& e) {
    throw error(where, fmt::format("not JSON at byte {}", e.byte));
  } catch (json::exception const&) {
    throw error(where, "JSON holds a number out of range");
  }
}

/// The same of a whole file, of at most `most` bytes.
inline json read_json(mapped_file const& file, std::size_t most = 1 << 20, int depth = 16) {
  if (auto const size = file.bytes().size(); size > most)
    throw error(file.path(), "size", fmt::format("at most {} bytes", most), std::to_string(size));
  return parse_json(file.path(), as_text(file.bytes()), depth);
}

}  // namespace cria::io
