#pragma once
// The checkpoints of a run: RUN/step-00001234 and its like. The newest whole one counts; old ones go when a newer one
// is safe.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/atomic_file.hpp"
#include "cria/train/checkpoint.hpp"

namespace cria::train {
namespace detail {

inline std::string step_name(long step) { return fmt::format("step-{:08}", step); }

/// The step that a folder is named for.
inline std::optional<long> step_of(std::string_view name) {
  long step = -1;
  if (!name.starts_with("step-")) return {};
  auto const* const end = name.data() + name.size();
  auto const [next, fault] = std::from_chars(name.data() + 5, end, step);
  return fault == std::errc() && next == end && step >= 0 && step_name(step) == name ? std::optional(step)
                                                                                     : std::nullopt;
}

/// A folder that a save left behind when its program ended: .step-00001234-0a1b2c.
inline bool left_over(std::string_view name) {
  auto const dash = name.rfind('-');
  return name.starts_with('.') && name.size() == dash + 7 && step_of(name.substr(1, dash - 1));
}

inline std::vector<std::filesystem::path> entries_of(std::filesystem::path const& folder) {
  std::vector<std::filesystem::path> all;
  std::error_code fault;
  for (std::filesystem::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault))
    all.push_back(at->path());
  if (fault) throw error(folder.string(), fmt::format("cannot be read: {}", fault.message()));
  return all;
}

/// The checkpoints by name, newest first, whatever is in them.
inline std::vector<std::pair<long, std::filesystem::path>> steps_in(std::filesystem::path const& run) {
  std::vector<std::pair<long, std::filesystem::path>> all;
  for (auto const& path : entries_of(run))
    if (auto const step = step_of(path.filename().string())) all.emplace_back(*step, path);
  std::ranges::sort(all, std::greater{});
  return all;
}

/// A folder that this process has for itself as long as the object lives.
class folder_lock {
 public:
  explicit folder_lock(std::string const& path) : file_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (file_ < 0) io::detail::refuse(path, "cannot be opened");
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;  // not every file system has locks
    ::close(file_);
    throw error(path, "another run is at work in this folder");
  }
  folder_lock(folder_lock const&) = delete;
  folder_lock& operator=(folder_lock const&) = delete;
  ~folder_lock() { ::close(file_); }

 private:
  int file_;
};

}  // namespace detail

/// The newest checkpoint of `run` that is whole. What was passed over on the way, half-written, damaged or something
/// else, is said in `passed_over`, a line each.
inline std::optional<saved_run> newest_checkpoint(std::filesystem::path const& run,
                                                  std::vector<std::string>& passed_over) {
  for (auto const& path : detail::entries_of(run))
    if (detail::left_over(path.filename().string()))
      passed_over.push_back(path.string() + ": a checkpoint that was not finished");
  for (auto const& [step, path] : detail::steps_in(run)) try {
      auto found = open_checkpoint(path);
      if (found.state.step != step)
        throw error(path.string(), "step", std::to_string(step), std::to_string(found.state.step));
      return found;
    } catch (error const& e) {
      passed_over.emplace_back(e.what());
    }
  return {};
}

/// The folder of a run that is at work: makes it where it isn't there, and keeps others from writing to it.
class run_folder {
 public:
  /// Keeps the newest `keep` checkpoints and the one with the least validation loss. Removes what a run that was cut
  /// off left half-written. Throws cria::error when another process has the folder.
  run_folder(std::filesystem::path const& path, run_model about, int keep)
      : path_(path), about_(std::move(about)), keep_(keep), lock_(made(path)) {
    if (keep < 1) throw error(path_.string(), "number of checkpoints to keep", "1 or more", std::to_string(keep));
    std::error_code ignored;
    for (auto const& entry : detail::entries_of(path_))
      if (detail::left_over(entry.filename().string())) std::filesystem::remove_all(entry, ignored);
  }

  /// Makes step-N, whole or not at all, and only then removes what need not be kept. Returns its path. Throws
  /// cria::error when the disk is full, with the checkpoints that were there still there, and when an old one cannot be
  /// removed, with the new one made.
  std::filesystem::path save(engine const& model, run_state const& at) {
    if (at.step < 0) throw error(path_.string(), "step", "0 or more", std::to_string(at.step));
    auto const path = path_ / detail::step_name(at.step);
    io::atomic_folder made(path);
    write_checkpoint(made.temporary(), model, about_, at);
    made.replace();  // there may be a damaged one, or one from before the run went back
    remove_old(at.step);
    return path;
  }

 private:
  static std::string made(std::filesystem::path const& path) {
    std::error_code fault;
    std::filesystem::create_directories(path, fault);
    if (fault && !std::filesystem::exists(path))
      throw error(path.string(), fmt::format("cannot be made: {}", fault.message()));
    return path.string();
  }

  /// Later steps than `last` are of a run that was left for an earlier checkpoint; they are not this one's to remove,
  /// nor are folders that say nothing one can read.
  void remove_old(long last) const {
    struct entry {
      std::filesystem::path path;
      double loss;
    };
    std::vector<entry> all;
    for (auto const& [step, path] : detail::steps_in(path_)) try {
        if (step > last) continue;
        auto const loss = detail::state_reader(path).state().validation_loss;
        all.push_back({path, loss.value_or(std::numeric_limits<double>::infinity())});
      } catch (error const&) {
      }
    auto const best = std::ranges::min_element(all, {}, &entry::loss);
    for (std::size_t i = std::size_t(keep_); i < all.size(); ++i)
      if (all[i].path != best->path) remove(all[i].path);
  }

  /// First out of sight: a folder half removed must not look like a checkpoint.
  static void remove(std::filesystem::path const& path) {
    auto const away =
        io::detail::make_beside(path, [&](char const* name) { return ::rename(path.c_str(), name) == 0; });
    std::error_code fault;
    std::filesystem::remove_all(away, fault);
    if (fault) throw error(path.string(), fmt::format("cannot be removed: {}", fault.message()));
  }

  std::filesystem::path path_;
  run_model about_;
  int keep_;
  detail::folder_lock lock_;
};

}  // namespace cria::train
