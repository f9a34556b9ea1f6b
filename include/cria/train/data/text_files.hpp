#pragma once
// Files of text, and the documents in them, read piece by piece.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/random_access_file.hpp"

namespace cria::train {

/// A file of documents, by its size when it was found.
struct text_file {
  std::string path;
  std::uint64_t bytes = 0;

  bool json_lines() const { return path.ends_with(".jsonl"); }
};

/// How documents lie in files.
struct text_format {
  std::string field = "text";          // of a JSON line, that holds the document
  std::string separator = {};          // in a text, stands between documents; empty: there is none
  std::size_t document_bytes = 16384;  // at most, where a text without separators is cut: a context of Llama 2, about
};

/// A document that takes more bytes than this is refused, so that memory is bounded whatever the files are.
constexpr std::size_t largest_document = 8 << 20;

/// The files that `inputs` name, in that order: those named themselves, and of a folder all below it that end in .txt,
/// .md or .jsonl, sorted by path, without hidden ones. Throws cria::error for what isn't there, and where there is
/// none.
inline std::vector<text_file> find_texts(std::vector<std::string> const& inputs) {
  namespace fs = std::filesystem;
  std::vector<text_file> out;
  for (auto const& input : inputs) {
    std::error_code fault;
    if (!fs::is_directory(input, fault)) {
      out.push_back({input, io::random_access_file(input).size()});
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator at(input, fault), end; !fault && at != end; at.increment(fault)) {
      bool const hidden = at->path().filename().string().starts_with('.');
      std::error_code ignored;
      if (hidden && at->is_directory(ignored)) at.disable_recursion_pending();
      auto const kind = at->path().extension();
      if (!hidden && (kind == ".txt" || kind == ".md" || kind == ".jsonl") && at->is_regular_file(ignored))
        found.push_back(at->path().string());
    }
    if (fault) throw error(input, "cannot be read: " + fault.message());
    if (found.empty()) throw error(input, "no text in this folder", "files named .txt, .md or .jsonl", "none");
    std::ranges::sort(found);
    for (auto& path : found) out.push_back({path, io::random_access_file(path).size()});
  }
  return out;
}

/// A piece of a file as it stands there. `at`: its first byte, counted from 0; in JSON lines its line, counted from 1.
struct text_record {
  std::string text;
  std::uint64_t at = 0;
};

/// The pieces of a file one after the other, without separators. Memory: a document and 1 MiB.
class text_reader {
 public:
  text_reader(text_file const& file, text_format const& format)
      : file_(file.path),
        separator_(file.json_lines() ? "\n" : format.separator),
        lines_(file.json_lines()),
        most_(format.document_bytes) {
    fill(3);
    if (view().starts_with("\xef\xbb\xbf")) begin_ += 3;  // a byte order mark
  }

  /// False at the end of the file.
  bool next(text_record& to) {
    if (!fill(1)) return false;
    ++line_;
    to.at = lines_ ? line_ : position();
    auto const size = separator_.empty() ? cut() : find();
    to.text = view().substr(0, size);
    begin_ += std::min(size + separator_.size(), view().size());
    return true;
  }

  /// Bytes that are behind.
  std::uint64_t position() const { return read_ - view().size(); }

 private:
  std::string_view view() const { return std::string_view(buffer_).substr(begin_); }

  /// Makes view() that long, if the file is; false where it ends before.
  bool fill(std::size_t bytes) {
    while (view().size() < bytes && read_ < file_.size()) {
      buffer_.erase(0, std::exchange(begin_, 0));
      auto const old = buffer_.size();
      buffer_.resize(old + std::size_t(std::min<std::uint64_t>(1 << 20, file_.size() - read_)));
      auto const part = std::span(buffer_).subspan(old);
      file_.read(read_, std::as_writable_bytes(part), "the text");
      read_ += part.size();
    }
    return view().size() >= bytes;
  }

  /// Bytes up to the next separator.
  std::size_t find() {
    for (std::size_t from = 0;;) {
      auto const found = view().find(separator_, from);
      auto const size = std::min(found, view().size());
      if (size > largest_document)
        throw error(file_.path(),
                    lines_ ? fmt::format("line {}", line_) : fmt::format("the document at byte {}", position()),
                    fmt::format("at most {} bytes", largest_document), "more");
      if (found != std::string_view::npos || !fill(size + 1)) return size;
      from = size - std::min(size, separator_.size() - 1);
    }
  }

  /// Bytes up to where a text without separators is cut: all that is left, or behind the last blank line of the second
  /// half of what fits, or behind the last line or blank there, or between characters.
  std::size_t cut() {
    if (!fill(most_ + 1)) return view().size();
    auto const fits = view().substr(0, most_), half = fits.substr(most_ / 2);
    for (std::string_view const border : {"\n\n", "\n\r\n", "\n", " "})
      if (auto const at = half.rfind(border); at != std::string_view::npos) return most_ / 2 + at + border.size();
    auto size = most_;
    while (size > 1 && most_ - size < 3 && (static_cast<unsigned char>(view()[size]) & 0xc0) == 0x80) --size;
    return size;
  }

  io::random_access_file file_;
  std::string separator_;
  bool lines_;
  std::size_t most_;
  std::string buffer_;
  std::size_t begin_ = 0;              // of what is not yet given out
  std::uint64_t read_ = 0, line_ = 0;  // bytes in the buffer and before it, and pieces given out
};

}  // namespace cria::train
