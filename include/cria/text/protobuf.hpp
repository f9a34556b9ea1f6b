#pragma once
// The wire format of protocol buffers, as far as SentencePiece's models need it. Source: protobuf's page on encoding.
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"

namespace cria::text {

/// Walks over the fields of one message. Everything throws cria::error where the bytes are not as the format says, or a
/// field is of another wire type than asked for.
class protobuf {
 public:
  protobuf(std::string_view file, std::span<std::byte const> message) : file_(file), in_(file, message) {}

  /// Steps to the next field; false at the end.
  bool next() {
    if (in_.remaining() == 0) return false;
    std::uint64_t const tag = varint();
    field_ = tag >> 3, type_ = unsigned(tag & 7);
    switch (type_) {
      case 0: whole_ = varint(); break;
      case 1: in_.take(8, "a field"); break;
      case 2: bytes_ = in_.take(varint(), "a field"); break;
      case 5: whole_ = in_.read<std::uint32_t>("a field"); break;
      default: throw error(file_, fmt::format("wire type of field {}", field_), "0, 1, 2 or 5", std::to_string(type_));
    }
    return true;
  }

  std::uint64_t field() const { return field_; }
  std::uint64_t whole() const { return expect(0), whole_; }
  float real() const { return expect(5), std::bit_cast<float>(std::uint32_t(whole_)); }
  std::span<std::byte const> bytes() const { return expect(2), bytes_; }

  /// A token's id; -1, for none, is stored as the largest 64-bit number.
  int id() const {
    auto const value = std::int64_t(whole());
    if (value < -1 || value > 1 << 30)
      throw error(file_, fmt::format("field {}", field_), "an id", std::to_string(value));
    return int(value);
  }

 private:
  void expect(unsigned type) const {
    if (type_ != type)
      throw error(file_, fmt::format("wire type of field {}", field_), std::to_string(type), std::to_string(type_));
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      auto const byte = in_.read<std::uint8_t>("a varint");
      value |= std::uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw error(file_, "a varint", "at most 10 bytes", "more");
  }

  std::string_view file_;
  io::byte_reader in_;
  std::uint64_t field_ = 0, whole_ = 0;
  unsigned type_ = 0;
  std::span<std::byte const> bytes_;
};

}  // namespace cria::text
