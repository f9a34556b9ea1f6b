#pragma once
// Writes safetensors, byte for byte as the reference does (serialize in safetensors' tensor.rs).
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cria/io/json.hpp"
#include "cria/io/tensor_file.hpp"

namespace cria::io {

/// A tensor that is to be written.
struct safetensor_plan {
  std::string name;
  dtype format;                      // f32, f16 or bf16
  std::vector<std::uint64_t> shape;  // slowest axis first
};

/// Writes all of `plan`, the widest types first and of one type by name, with the metadata {"format": "pt"}. Throws
/// cria::error for a name that is no UTF-8 or there twice, for a format that safetensors doesn't have, and for a source
/// that gives another number of values.
inline written write_safetensors(std::string path, std::vector<safetensor_plan> const& plan,
                                 tensor_source const& source, write_watch watch = {}) {
  auto const where = [&](safetensor_plan const& t) { return path + ": " + printable(t.name); };
  auto const type = [&](safetensor_plan const& t) -> std::string_view {
    if (facts(t.format).quantised()) throw error(where(t), "format", "f32, f16 or bf16", facts(t.format).name);
    return t.format == dtype::f32 ? "F32" : t.format == dtype::f16 ? "F16" : "BF16";
  };
  auto const count = [](safetensor_plan const& t) {
    return std::accumulate(t.shape.begin(), t.shape.end(), std::uint64_t{1}, saturated_product);
  };
  // as the reference orders its types: BF16 is wider than F16 in this sense
  auto const rank = [](safetensor_plan const& t) {
    return t.format == dtype::f32 ? 0 : t.format == dtype::bf16 ? 1 : 2;
  };
  std::vector<std::size_t> order(plan.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(rank(plan[i]), std::string_view(plan[i].name)); });

  std::string header = R"({"__metadata__":{"format":"pt"})";
  std::uint64_t offset = 0;
  std::set<std::string_view> seen;
  for (auto const i : order) {
    auto const& t = plan[i];
    if (!seen.insert(t.name).second) throw error(where(t), "a tensor of this name is there twice");
    if (t.name == "__metadata__") throw error(where(t), "name of a tensor", "another", "this");
    auto const end = offset + saturated_product(count(t), std::uint64_t(facts(t.format).bytes));
    std::string name;
    try {
      name = json(t.name).dump();
    } catch (json::exception const&) {
      throw error(where(t), "name of a tensor", "UTF-8", "other bytes");
    }
    header += fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", name, type(t),
                          fmt::join(t.shape, ","), offset, end);
    offset = end;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');

  tensor_file file(std::move(path), std::move(watch));
  auto const length = std::uint64_t(header.size());
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (auto const i : order) file.write_tensor(plan[i].name, plan[i].format, count(plan[i]), source, i);
  return file.commit();
}

}  // namespace cria::io
