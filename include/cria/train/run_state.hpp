#pragma once
// training.json: what a run is at a step, and the sizes and checksums of the files beside it.
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/io/checksum.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/io/tensor_file.hpp"
#include "cria/train/data/members.hpp"

namespace cria::train {

/// What a run is at a step, without weights and moments. `stream` (the place in the data, random numbers) and
/// `settings` (the recipe) are the caller's; they come back as they were.
struct run_state {
  long step = 0;
  std::optional<double> training_loss{}, validation_loss{};
  io::json stream{}, settings{};
};

namespace detail {

inline constexpr std::string_view state_file = "training.json";
inline constexpr int state_depth = 32;  // what it may nest, the caller's parts with it

using file_list = std::map<std::string, io::written>;

inline std::string sum_of(std::span<std::byte const> bytes) { return hexadecimal(io::checksum_of(bytes)); }
inline std::string sum_of(std::string_view text) { return sum_of(std::as_bytes(std::span(text))); }

/// JSON in one line, of which training.json has the checksum.
inline std::string compact(std::string const& where, io::json const& value) {
  try {
    return value.dump();
  } catch (io::json::exception const&) {
    throw error(where, "text in JSON", "UTF-8", "other bytes");
  }
}

/// The content of training.json. Throws cria::error, under the name `where`, for what JSON cannot say.
inline std::string state_text(std::string const& where, run_state const& at, file_list const& files) {
  auto const loss = [](std::optional<double> x) { return x ? io::json(*x) : io::json(); };
  io::json training{{"version", 1},
                    {"step", at.step},
                    {"training_loss", loss(at.training_loss)},
                    {"validation_loss", loss(at.validation_loss)},
                    {"stream", at.stream},
                    {"settings", at.settings},
                    {"files", io::json::object()}};
  for (auto const& [name, about] : files)
    training["files"][name] = {{"bytes", about.size}, {"checksum", hexadecimal(about.checksum)}};
  auto const text = compact(where, training);
  if (io::parse_json(where, text, state_depth) != training)
    throw error(where, "state of the run", "what JSON can say", "a number that is not finite, or bytes");
  return io::json{{"training", training}, {"checksum", sum_of(text)}}.dump(1) + '\n';
}

/// training.json of one folder, checked.
class state_reader {
 public:
  explicit state_reader(std::filesystem::path const& folder) : where_((folder / state_file).string()) {
    io::mapped_file const file(where_);
    if (constexpr std::size_t most = 64 << 20; file.bytes().size() > most)
      throw error(where_, "size", fmt::format("at most {} bytes", most), std::to_string(file.bytes().size()));
    auto const whole = io::parse_json(where_, io::as_text(file.bytes()), state_depth + 1);
    training_ = member(whole, "training");
    if (auto const version = natural(training_, "version"); version != 1)
      throw error(where_, "version", "1", std::to_string(version));
    auto const sum = sum_of(compact(where_, training_));
    if (auto const& noted = member(whole, "checksum"); noted != sum) throw error(where_, "checksum", shown(noted), sum);
  }

  run_state state() const {
    auto const loss = [&](std::string_view name) {
      auto const& value = member(training_, name);
      return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
    };
    return {long(natural(training_, "step")), loss("training_loss"), loss("validation_loss"),
            member(training_, "stream"), member(training_, "settings")};
  }

  /// Throws cria::error unless `required` and all others that are listed are there as they were written.
  void check_files(std::filesystem::path const& folder, std::span<std::string_view const> required) const {
    auto const& files = member(training_, "files");
    for (auto const name : required) member(files, name);
    for (auto const& [name, about] : files.items()) {
      if (name.find('/') != std::string::npos)
        throw error(where_, "name of a file", "one in this folder", io::printable(name));
      io::mapped_file const file((folder / name).string());
      if (auto const bytes = natural(about, "bytes"); file.bytes().size() != bytes)
        throw error(file.path(), "size", fmt::format("{} bytes", bytes), std::to_string(file.bytes().size()));
      auto const sum = sum_of(file.bytes());
      if (auto const& noted = member(about, "checksum"); noted != sum)
        throw error(file.path(), "checksum", shown(noted), sum);
    }
  }

 private:
  io::json const& member(io::json const& object, std::string_view name) const {
    if (object.is_object())
      if (auto const found = object.find(name); found != object.end()) return *found;
    throw error(where_, "not a training checkpoint", fmt::format("a member {}", name), "none");
  }
  std::uint64_t natural(io::json const& object, std::string_view name) const {
    auto const& value = member(object, name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t(std::numeric_limits<long>::max()))
      throw error(where_, name, "a whole number", shown(value));
    return value.get<std::uint64_t>();
  }
  std::string shown(io::json const& value) const { return io::printable(compact(where_, value)); }

  std::string where_;
  io::json training_;
};

}  // namespace detail
}  // namespace cria::train
