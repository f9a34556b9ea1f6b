#pragma once
// Zip archives whose entries are stored as they are, as torch.save writes them. Sizes are those of the central
// directory. Source: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (zip64).
#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"

namespace cria::io {

/// An archive whose entries lie in it as they are, as torch.save writes it.
class zip_archive {
 public:
  /// `bytes` is the whole of the file `path`, and outlives this. Throws cria::error for what is not an archive, and for
  /// compressed or encrypted entries, several disks, a name that is there twice, and entries that overlap.
  zip_archive(std::string path, std::span<std::byte const> bytes) : path_(std::move(path)), bytes_(bytes) {
    auto const end = find_end();
    byte_reader in(path_, bytes_.subspan(std::size_t(end.directory), std::size_t(end.directory_size)));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken{{end.directory, bytes_.size()}};  // begin and end
    for (std::uint64_t i = 0; i < end.entries; ++i) taken.push_back(read_entry(in, end.directory));
    if (in.remaining() > 0)
      throw error(path_, "bytes behind the archive's directory", "0", std::to_string(in.remaining()));
    std::ranges::sort(taken);
    for (std::size_t i = 1; i < taken.size(); ++i)
      if (taken[i].first < taken[i - 1].second)
        throw error(path_, "entries of the archive overlap", fmt::format("one from byte {} on", taken[i - 1].second),
                    fmt::format("one at {}", taken[i].first));
  }

  static bool recognises(std::span<std::byte const> bytes) { return as_text(bytes).starts_with("PK\3\4"); }

  std::string const& path() const { return path_; }

  /// Contents by names, in the order of names.
  std::map<std::string_view, std::span<std::byte const>> const& entries() const { return entries_; }

  /// The content of an entry. Throws cria::error where there is none of this name.
  std::span<std::byte const> entry(std::string_view name) const {
    if (auto const found = entries_.find(name); found != entries_.end()) return found->second;
    throw error(path_ + ": " + printable(name), "missing in the archive");
  }

 private:
  struct directory_end {
    std::uint64_t entries, directory_size, directory;
  };
  static constexpr std::uint32_t escape = ~std::uint32_t{0};  // the value is in a field of zip64

  byte_reader at(std::uint64_t place) const { return {path_, bytes_.subspan(std::size_t(place))}; }

  void expect(byte_reader& in, std::uint32_t signature, std::string_view what) const {
    if (auto const found = in.read<std::uint32_t>(what); found != signature)
      throw error(path_, fmt::format("signature of {}", what), fmt::format("{:08x}", signature),
                  fmt::format("{:08x}", found));
  }

  directory_end find_end() const {
    constexpr std::size_t size = 22, longest_comment = 0xffff;
    auto const text = as_text(bytes_);
    auto const refuse = [&] { throw error(path_, "not a zip archive", "the end of a directory", "none"); };
    if (text.size() < size) refuse();
    std::size_t place = text.size() - size;
    for (;; --place) {
      std::size_t const comment = text.size() - size - place;
      if (text.substr(place, 4) == "PK\5\6" && at(place + 20).read<std::uint16_t>("the comment") == comment) break;
      if (place == 0 || comment == longest_comment) refuse();
    }
    auto in = at(place + 4);
    auto const disk = in.read<std::uint16_t>("the number of disks"), of = in.read<std::uint16_t>("the number of disks");
    in.read<std::uint16_t>("the number of entries");
    directory_end end{};
    end.entries = in.read<std::uint16_t>("the number of entries");
    end.directory_size = in.read<std::uint32_t>("the directory's size");
    end.directory = in.read<std::uint32_t>("the directory's place");
    bool several = disk != of || (disk != 0 && disk != 0xffff);
    std::uint64_t limit = place;
    if (end.entries == 0xffff || end.directory_size == escape || end.directory == escape) {
      if (place < 20) throw error(path_, "the locator of zip64 is missing");
      in = at(place - 20);
      expect(in, 0x07064b50, "the locator of zip64");
      auto const on = in.read<std::uint32_t>("a disk");
      limit = in.read<std::uint64_t>("the place of zip64's end");
      several |= on != 0;
      if (limit > place - 20)
        throw error(path_, "place of zip64's end", fmt::format("at most {}", place - 20), std::to_string(limit));
      in = at(limit);
      expect(in, 0x06064b50, "zip64's end");
      in.take(8 + 2 + 2, "zip64's versions");
      several |= in.read<std::uint32_t>("a disk") != 0 || in.read<std::uint32_t>("a disk") != 0;
      in.read<std::uint64_t>("the number of entries");
      end.entries = in.read<std::uint64_t>("the number of entries");
      end.directory_size = in.read<std::uint64_t>("the directory's size");
      end.directory = in.read<std::uint64_t>("the directory's place");
    }
    if (several) throw error(path_, "the archive is in several parts", "one", "more");
    if (end.directory > limit || end.directory_size > limit - end.directory)
      throw error(path_, "the archive's directory", fmt::format("within {} bytes", limit),
                  fmt::format("{} bytes at {}", end.directory_size, end.directory));
    return end;
  }

  /// Reads one entry of the directory; returns where its header begins and its content ends.
  std::pair<std::uint64_t, std::uint64_t> read_entry(byte_reader& in, std::uint64_t limit) {
    constexpr std::string_view what = "an entry of the archive's directory";
    expect(in, 0x02014b50, what);
    in.take(4, what);  // versions
    auto const flags = in.read<std::uint16_t>(what), method = in.read<std::uint16_t>(what);
    in.take(8, what);  // time, date, checksum
    std::uint64_t packed = in.read<std::uint32_t>(what), size = in.read<std::uint32_t>(what);
    auto const name_size = in.read<std::uint16_t>(what), extra_size = in.read<std::uint16_t>(what),
               comment_size = in.read<std::uint16_t>(what);
    in.take(8, what);  // disk, attributes
    std::uint64_t header = in.read<std::uint32_t>(what);
    auto const name = as_text(in.take(name_size, what));
    auto const where = path_ + ": " + printable(name);
    read_zip64(where, in.take(extra_size, what), size, packed, header);
    in.take(comment_size, what);
    if ((flags & 1) != 0) throw error(where, "entry of the archive", "not encrypted", "encrypted");
    if (method != 0) throw error(where, "compression of the entry", "0 (stored)", std::to_string(method));
    if (packed != size) throw error(where, "size of the entry", std::to_string(size), std::to_string(packed));
    if (header > limit)
      throw error(where, "place of the entry", fmt::format("before {}", limit), std::to_string(header));
    auto local = at(header);
    expect(local, 0x04034b50, "an entry's header");
    local.take(22, "an entry's header");  // what the directory says too
    auto const local_name = local.read<std::uint16_t>("an entry's header"),
               local_extra = local.read<std::uint16_t>("an entry's header");
    if (as_text(local.take(local_name, "an entry's name")) != name)
      throw error(where, "entry has another name in its header");
    local.take(local_extra, "an entry's header");
    auto const content = local.take(size, "an entry's content");
    if (!entries_.emplace(name, content).second) throw error(where, "an entry of this name is there twice");
    return {header, header + 30 + local_name + local_extra + size};
  }

  /// Replaces the values that are escapes by those of zip64's field.
  static void read_zip64(std::string const& where, std::span<std::byte const> extra, std::uint64_t& size,
                         std::uint64_t& packed, std::uint64_t& header) {
    byte_reader in(where, extra);
    while (in.remaining() >= 4) {
      auto const id = in.read<std::uint16_t>("a field"), length = in.read<std::uint16_t>("a field");
      byte_reader field(where, in.take(length, "a field"));
      if (id != 1) continue;
      for (auto* const value : {&size, &packed, &header})
        if (*value == escape) *value = field.read<std::uint64_t>("the field of zip64");
    }
  }

  std::string path_;
  std::span<std::byte const> bytes_;
  std::map<std::string_view, std::span<std::byte const>> entries_;
};

}  // namespace cria::io
