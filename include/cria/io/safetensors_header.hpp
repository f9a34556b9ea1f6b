#pragma once
// The header of a safetensors file: JSON, and the tensors behind it. Source: the format section of safetensors' README.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/file_tensor.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"

namespace cria::io::detail {

class safetensors_header {
 public:
  /// The tensors of `file`, in the order of their data. Throws cria::error for anything that is not as the format says:
  /// types, shapes, and tensors that don't fill the file without a gap or an overlap.
  static std::vector<file_tensor> read(mapped_file const& file) {
    safetensors_header header(file);
    header.read_all();
    return std::move(header.tensors_);
  }

 private:
  explicit safetensors_header(mapped_file const& file) : file_(file) {}

  void read_all() {
    byte_reader in(path(), file_.bytes());
    auto const length = in.read<std::uint64_t>("the header's length");
    constexpr std::uint64_t most = 100'000'000;  // as in the reference
    if (length > most)
      throw error(path(), "length of the header", fmt::format("at most {}", most), std::to_string(length));
    auto const header = parse_json(path(), as_text(in.take(length, "the header")), 4);
    if (!header.is_object()) throw error(path(), "header", "a JSON object", header.type_name());
    auto const data = in.take(in.remaining(), "the data");
    for (auto const& [name, entry] : header.items())
      if (name != "__metadata__") add(name, entry, data);
    check_that_it_is_full(data);
  }

  static std::uint64_t bytes_of_one(std::string_view type) {
    static constexpr std::array<std::pair<std::string_view, int>, 15> table{{{"F64", 8},
                                                                             {"F32", 4},
                                                                             {"F16", 2},
                                                                             {"BF16", 2},
                                                                             {"F8_E4M3", 1},
                                                                             {"F8_E5M2", 1},
                                                                             {"I64", 8},
                                                                             {"I32", 4},
                                                                             {"I16", 2},
                                                                             {"I8", 1},
                                                                             {"U64", 8},
                                                                             {"U32", 4},
                                                                             {"U16", 2},
                                                                             {"U8", 1},
                                                                             {"BOOL", 1}}};
    auto const* const found = std::ranges::find(table, type, &std::pair<std::string_view, int>::first);
    return found == table.end() ? 0 : std::uint64_t(found->second);
  }

  void add(std::string const& name, json const& entry, std::span<std::byte const> data) {
    file_tensor t{.name = name, .type = {}, .shape = {}, .bytes = {}};
    if (!entry.is_object()) throw error(where(name), "description", "a JSON object", entry.type_name());
    auto const type = entry.find("dtype");
    if (type == entry.end() || !type->is_string()) throw error(where(name), "dtype", "text", "something else");
    t.type = type->get<std::string>();
    std::uint64_t const one = bytes_of_one(t.type);
    if (one == 0) throw error(where(name), "dtype", "a type of safetensors", printable(t.type));
    t.shape = naturals(entry, "shape", name);
    std::uint64_t bytes = one;
    for (auto const extent : t.shape) bytes = saturated_product(bytes, extent);
    auto const offsets = naturals(entry, "data_offsets", name);
    if (offsets.size() != 2) throw error(where(name), "data_offsets", "two numbers", std::to_string(offsets.size()));
    if (offsets[0] > offsets[1] || offsets[1] > data.size())
      throw error(where(name), "data outside of the file", fmt::format("within 0 to {}", data.size()),
                  fmt::format("{} to {}", offsets[0], offsets[1]));
    if (offsets[1] - offsets[0] != bytes)
      throw error(where(name), "size of the data", fmt::format("{} bytes", bytes),
                  fmt::format("{}", offsets[1] - offsets[0]));
    t.bytes = data.subspan(std::size_t(offsets[0]), std::size_t(bytes));
    tensors_.push_back(std::move(t));
  }

  std::vector<std::uint64_t> naturals(json const& entry, std::string_view member, std::string const& name) const {
    auto const found = entry.find(member);
    bool good = found != entry.end() && found->is_array();
    for (std::size_t i = 0; good && i < found->size(); ++i) good = (*found)[i].is_number_unsigned();
    if (!good) throw error(where(name), member, "an array of whole numbers", "something else");
    return found->get<std::vector<std::uint64_t>>();
  }

  void check_that_it_is_full(std::span<std::byte const> data) {
    std::ranges::sort(tensors_, {}, [](auto const& t) { return std::pair(t.bytes.data(), t.bytes.size()); });
    auto const* expected = data.data();
    for (auto const& t : tensors_) {
      if (t.bytes.data() != expected)
        throw error(where(t.name), "data follows the tensor before it", fmt::format("byte {}", expected - data.data()),
                    fmt::format("byte {}", t.bytes.data() - data.data()));
      expected += t.bytes.size();
    }
    auto const used = std::size_t(expected - data.data());
    if (used != data.size())
      throw error(path(), "size of the data", fmt::format("{} bytes", used), fmt::format("{}", data.size()));
  }

  std::string const& path() const { return file_.path(); }
  std::string where(std::string_view name) const { return path() + ": " + printable(name); }

  mapped_file const& file_;
  std::vector<file_tensor> tensors_;
};

}  // namespace cria::io::detail
