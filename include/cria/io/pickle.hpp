#pragma once
// The pickle in torch.save's archives, read without executing anything: a machine that knows the instructions and the
// names that a dictionary of tensors needs, and refuses all others. Source: pickletools.py of CPython (protocol 2),
// torch/_utils.py and torch/serialization.py of PyTorch.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"

namespace cria::io {

/// A tensor as the pickle tells of it: values of `type` (F32, F16, BF16) in the storage `key`, which has `stored` of
/// them. offset and strides are in values.
struct pickled_tensor {
  std::string_view name, type, key;
  std::int64_t stored = 0, offset = 0;
  std::vector<std::int64_t> shape, strides;
};

/// Reads the pickle of a file of torch.save: a small machine that knows tensors and executes nothing.
class unpickler {
 public:
  /// The tensors of a dictionary from names to tensors, in its order. Throws cria::error, under the name `where`, for
  /// anything else, naming the instruction or name that it refuses. Texts are views of `bytes`.
  static std::vector<pickled_tensor> tensors(std::string const& where, std::span<std::byte const> bytes) {
    constexpr std::size_t most = 64 << 20;
    if (bytes.size() > most)
      throw error(where, "size of the pickle", fmt::format("at most {} bytes", most), std::to_string(bytes.size()));
    unpickler machine(where, bytes);
    return machine.named(machine.run());
  }

 private:
  // Values lie in one array and refer to each other by numbers: whatever the pickle does, nothing is copied in depth,
  // compared in depth or destroyed in depth.
  using value_id = std::uint32_t;
  struct none {};
  enum class function { ordered_dictionary, rebuild_tensor, rebuild_parameter, storage_f32, storage_f16, storage_bf16 };
  struct tuple {
    std::vector<value_id> items;
  };
  struct dictionary {
    bool ordered = false;
    std::vector<std::pair<value_id, value_id>> items = {};
  };
  struct storage {
    std::string_view type, key;
    std::int64_t size;
  };
  using value =
      std::variant<none, bool, std::int64_t, std::string_view, function, tuple, dictionary, storage, pickled_tensor>;
  static constexpr std::array<std::string_view, 9> kinds{
      "None", "a boolean", "a number", "text", "a function", "a tuple", "a dictionary", "a storage", "a tensor"};
  struct known {
    std::string_view module, name;
    function what;
  };
  static constexpr std::array<known, 6> globals{{{"collections", "OrderedDict", function::ordered_dictionary},
                                                 {"torch._utils", "_rebuild_tensor_v2", function::rebuild_tensor},
                                                 {"torch._utils", "_rebuild_parameter", function::rebuild_parameter},
                                                 {"torch", "FloatStorage", function::storage_f32},
                                                 {"torch", "HalfStorage", function::storage_f16},
                                                 {"torch", "BFloat16Storage", function::storage_bf16}}};

  unpickler(std::string const& where, std::span<std::byte const> bytes)
      : where_(where), in_(where_, bytes), bytes_(bytes) {}

  value_id run() {
    if (in_.read<std::uint8_t>(what_) != 0x80) throw error(where_, "not a pickle", "protocol 2", "none");
    if (auto const protocol = in_.read<std::uint8_t>(what_); protocol != 2)
      throw error(where_, "protocol of the pickle", "2", std::to_string(protocol));
    for (;;) {
      auto const place = in_.position();
      auto const op = in_.read<std::uint8_t>(what_);
      switch (op) {
        case '.':
          return last();
        case 'N':
          push(none{});
          break;
        case 0x88:
          push(true);
          break;
        case 0x89:
          push(false);
          break;
        case 'K':
          push(std::int64_t(in_.read<std::uint8_t>(what_)));
          break;
        case 'M':
          push(std::int64_t(in_.read<std::uint16_t>(what_)));
          break;
        case 'J':
          push(std::int64_t(in_.read<std::int32_t>(what_)));
          break;
        case 0x8a:
          push(long_number());
          break;
        case 'X':
          push(as_text(in_.take(in_.read<std::uint32_t>(what_), what_)));
          break;
        case 'c':
          push(global());
          break;
        case '(':
          mark();
          break;
        case ')':
          push(tuple{});
          break;
        case 0x85:
          push(tuple{take_last(1)});
          break;
        case 0x86:
          push(tuple{take_last(2)});
          break;
        case 0x87:
          push(tuple{take_last(3)});
          break;
        case 't':
          push(tuple{take_to_mark()});
          break;
        case '}':
          push(dictionary{});
          break;
        case 's':
          set(take_last(2));
          break;
        case 'u':
          set(take_to_mark());
          break;
        case 'q':
          memo_.insert_or_assign(in_.read<std::uint8_t>(what_), last());
          break;
        case 'r':
          memo_.insert_or_assign(in_.read<std::uint32_t>(what_), last());
          break;
        case 'h':
          recall(in_.read<std::uint8_t>(what_));
          break;
        case 'j':
          recall(in_.read<std::uint32_t>(what_));
          break;
        case 'Q':
          push(persistent(take_last(1)[0]));
          break;
        case 'R':
          reduce();
          break;
        case 'b':
          attributes();
          break;
        default:
          throw error(where_, fmt::format("instruction at byte {}", place), "one that a dictionary of tensors needs",
                      fmt::format("0x{:02x}", op));
      }
      if (memo_.size() > most_) throw error(where_, "values to remember", fmt::format("at most {}", most_), "more");
    }
  }

  // the stack

  void push(value v) {
    if (values_.size() >= most_) throw error(where_, "number of values", fmt::format("at most {}", most_), "more");
    values_.push_back(std::move(v));
    stack_.push_back(value_id(values_.size() - 1));
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  value_id last() const {
    need(1);
    return stack_.back();
  }

  void need(std::size_t count) const {
    if (stack_.size() - floor() < count)
      throw error(where_, fmt::format("values on the stack at byte {}", in_.position()), std::to_string(count),
                  std::to_string(stack_.size() - floor()));
  }

  std::vector<value_id> take_last(std::size_t count) {
    need(count);
    std::vector<value_id> out(stack_.end() - std::ptrdiff_t(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return out;
  }

  void mark() {
    constexpr std::size_t deepest = 64;
    if (marks_.size() >= deepest)
      throw error(where_, "depth of the pickle", fmt::format("at most {}", deepest), "more");
    marks_.push_back(stack_.size());
  }

  std::vector<value_id> take_to_mark() {
    if (marks_.empty()) throw error(where_, fmt::format("no mark on the stack at byte {}", in_.position()));
    auto out = take_last(stack_.size() - floor());
    marks_.pop_back();
    return out;
  }

  // instructions

  std::int64_t long_number() {
    auto const size = in_.read<std::uint8_t>(what_);
    if (size > 8) throw error(where_, "bytes of a number", "at most 8", std::to_string(size));
    std::uint64_t number = 0;
    int bits = 0;
    for (auto const b : in_.take(size, what_)) number |= std::uint64_t(b) << bits, bits += 8;
    bool const negative = bits > 0 && (number >> (bits - 1) & 1) != 0;
    if (negative && bits < 64) number |= ~std::uint64_t{0} << bits;
    return std::int64_t(number);
  }

  std::string_view line() {
    auto const rest = as_text(bytes_.subspan(in_.position()));
    auto const size = rest.find('\n');
    if (size == std::string_view::npos) throw error(where_, "the name of a function has no end");
    return as_text(in_.take(size + 1, what_)).substr(0, size);
  }

  function global() {
    auto const module = line(), name = line();
    for (auto const& g : globals)
      if (g.module == module && g.name == name) return g.what;
    throw error(where_, "a name that the pickle may not use", "tensors of f32, f16 or bf16 in a dictionary",
                fmt::format("{} {}", printable(module), printable(name)));
  }

  void set(std::vector<value_id> const& items) {
    auto& to = as<dictionary>(last(), "what items are set in");
    if (items.size() % 2 != 0)
      throw error(where_, "items of a dictionary", "pairs", fmt::format("{} values", items.size()));
    for (std::size_t i = 0; i < items.size(); i += 2) to.items.emplace_back(items[i], items[i + 1]);
  }

  void recall(std::uint32_t number) {
    auto const found = memo_.find(number);
    if (found == memo_.end()) throw error(where_, fmt::format("value {} was not remembered", number));
    stack_.push_back(found->second);
  }

  storage persistent(value_id id) {
    auto const& t = as<tuple>(id, "name of a storage").items;
    if (t.size() != 5 || as<std::string_view>(t[0], "kind of a reference") != "storage")
      throw error(where_, "name of a storage", "(storage, type, key, device, size)",
                  fmt::format("{} values", t.size()));
    auto const kind = as<function>(t[1], "type of a storage");
    std::string_view const type = kind == function::storage_f32    ? "F32"
                                  : kind == function::storage_f16  ? "F16"
                                  : kind == function::storage_bf16 ? "BF16"
                                                                   : "";
    if (type.empty()) throw error(where_, "type of a storage", "one of torch's storages", "another function");
    return {type, as<std::string_view>(t[2], "key of a storage"), as<std::int64_t>(t[4], "size of a storage")};
  }

  void reduce() {
    auto const call = take_last(2);
    auto const& arguments = as<tuple>(call[1], "arguments of a function").items;
    auto const expect = [&](std::string_view name, std::size_t count) {
      if (arguments.size() != count)
        throw error(where_, fmt::format("arguments of {}", name), std::to_string(count),
                    std::to_string(arguments.size()));
    };
    switch (as<function>(call[0], "what is called")) {
      case function::ordered_dictionary:
        expect("OrderedDict", 0);
        return push(dictionary{.ordered = true});
      case function::rebuild_parameter: {
        expect("_rebuild_parameter", 3);
        as<pickled_tensor>(arguments[0], "data of a parameter");
        stack_.push_back(arguments[0]);
        return;
      }
      case function::rebuild_tensor: {
        expect("_rebuild_tensor_v2", 6);
        auto const& s = as<storage>(arguments[0], "storage of a tensor");
        pickled_tensor t;
        t.type = s.type, t.key = s.key, t.stored = s.size;
        t.offset = as<std::int64_t>(arguments[1], "offset of a tensor");
        t.shape = numbers(arguments[2], "shape of a tensor");
        t.strides = numbers(arguments[3], "strides of a tensor");
        return push(std::move(t));
      }
      default:
        throw error(where_, "what is called", "a function", "a type of storages");
    }
  }

  /// What a module's dictionary knows besides its items; nothing of it is needed.
  void attributes() {
    auto const taken = take_last(1);
    as<dictionary>(taken[0], "attributes");
    if (!as<dictionary>(last(), "what attributes are set of").ordered)
      throw error(where_, "what attributes are set of", "an OrderedDict", "a dictionary");
  }

  // values

  template <class T>
  T& as(value_id id, std::string_view what) {
    if (auto* const v = std::get_if<T>(&values_[id])) return *v;
    throw error(where_, what, kinds[value(T{}).index()], kinds[values_[id].index()]);
  }

  std::vector<std::int64_t> numbers(value_id id, std::string_view what) {
    auto const& items = as<tuple>(id, what).items;
    constexpr std::size_t most = 8;
    if (items.size() > most)
      throw error(where_, what, fmt::format("at most {} axes", most), std::to_string(items.size()));
    std::vector<std::int64_t> out;
    for (auto const i : items) out.push_back(as<std::int64_t>(i, what));
    return out;
  }

  std::vector<pickled_tensor> named(value_id top) {
    std::vector<pickled_tensor> out;
    for (auto const& [key, item] : as<dictionary>(top, "content of the pickle").items) {
      if (out.size() >= most_) throw error(where_, "number of tensors", fmt::format("at most {}", most_), "more");
      auto const name = as<std::string_view>(key, "key of a tensor");
      if (name.size() > 1000)
        throw error(where_, "name of a tensor", "at most 1000 bytes", std::to_string(name.size()));
      auto t = as<pickled_tensor>(item, printable(name));
      t.name = name;
      out.push_back(std::move(t));
    }
    return out;
  }

  static constexpr std::string_view what_ = "the pickle";
  static constexpr std::size_t most_ = 1 << 18;

  std::string where_;
  byte_reader in_;
  std::span<std::byte const> bytes_;
  std::vector<value> values_;
  std::vector<value_id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, value_id> memo_;
};

}  // namespace cria::io
