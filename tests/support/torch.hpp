#pragma once
// Files of torch.save, made in memory: right ones, and with a change here and there wrong ones.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/files.hpp"

namespace cria::test {

/// A zip archive of stored entries; `zip64` writes sizes and places in its fields.
struct zip_writer {
  bool zip64 = false;
  std::uint16_t flags = 0, method = 0;
  std::uint64_t entries = 0;
  std::string data = {}, directory = {};

  zip_writer& entry(std::string_view name, std::string const& content) {
    auto const n = std::uint16_t(name.size());
    auto const size = std::uint32_t(content.size()), place = std::uint32_t(data.size());
    std::string const extra = zip64 ? raw(std::uint16_t(1)) + raw(std::uint16_t(24)) + raw(std::uint64_t(size)) +
                                          raw(std::uint64_t(size)) + raw(std::uint64_t(place))
                                    : "";
    auto const or_escape = [&](std::uint32_t value) { return raw(zip64 ? ~std::uint32_t{0} : value); };
    directory += "PK\1\2" + std::string(4, '\0') + raw(flags) + raw(method) + std::string(8, '\0') + or_escape(size) +
                 or_escape(size) + raw(n) + raw(std::uint16_t(extra.size())) + std::string(10, '\0') +
                 or_escape(place) + std::string(name) + extra;
    data += "PK\3\4" + std::string(22, '\0') + raw(n) + raw(std::uint16_t(3)) + std::string(name) + "pad" + content;
    ++entries;
    return *this;
  }

  std::string str(std::string const& comment = {}) const {
    auto const place = data.size(), size = directory.size();
    std::string end;
    if (zip64) {
      end = "PK\6\6" + raw(std::uint64_t(44)) + std::string(12, '\0') + raw(entries) + raw(entries) +
            raw(std::uint64_t(size)) + raw(std::uint64_t(place));
      end += "PK\6\7" + raw(std::uint32_t(0)) + raw(std::uint64_t(place + size)) + raw(std::uint32_t(1));
    }
    auto const escape = ~std::uint32_t{0};
    auto const count = zip64 ? std::uint16_t(0xffff) : std::uint16_t(entries);
    end += "PK\5\6" + std::string(4, '\0') + raw(count) + raw(count) + raw(zip64 ? escape : std::uint32_t(size)) +
           raw(zip64 ? escape : std::uint32_t(place)) + raw(std::uint16_t(comment.size())) + comment;
    return data + directory + end;
  }
};

/// Parts of pickles.
namespace pickle {

inline std::string text(std::string_view s) { return "X" + raw(std::uint32_t(s.size())) + std::string(s); }
inline std::string number(std::int32_t n) { return "J" + raw(n); }
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string tuple(std::vector<std::string> const& items) {
  std::string out = "(";
  for (auto const& i : items) out += i;
  return out + "t";
}
inline std::string numbers(std::vector<int> const& values) {
  std::vector<std::string> items;
  for (int const v : values) items.push_back(number(v));
  return tuple(items);
}
inline std::string const ordered = global("collections", "OrderedDict") + ")R";

struct tensor {
  std::string name, key = "0", kind = "FloatStorage";
  int stored = 6, offset = 0;
  std::vector<int> shape{2, 3}, strides{3, 1};

  std::string value() const {
    auto const storage = tuple({text("storage"), global("torch", kind), text(key), text("cpu"), number(stored)}) + "Q";
    return global("torch._utils", "_rebuild_tensor_v2") +
           tuple({storage, number(offset), numbers(shape), numbers(strides), "\x89", ordered}) + "R";
  }
};

inline std::string dictionary(std::vector<tensor> const& tensors) {
  std::string out = "\x80\x02}(";
  for (auto const& t : tensors) out += text(t.name) + t.value();
  return out + "u.";
}

}  // namespace pickle

inline std::string torch_file(std::string const& pickle, std::vector<std::string> const& storages) {
  zip_writer zip;
  zip.entry("archive/data.pkl", pickle).entry("archive/byteorder", "little");
  for (std::size_t i = 0; i < storages.size(); ++i) zip.entry("archive/data/" + std::to_string(i), storages[i]);
  return zip.str();
}

}  // namespace cria::test
