#pragma once
// --data: corpora and texts, each with its share.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/train/data.hpp"

namespace support {

/// "PATH" or "PATH=WEIGHT".
struct data_argument {
  std::string path;
  double weight = 0;  // 0: none was given

  explicit data_argument(std::string const& given) : path(given) {
    auto const at = given.rfind('=');
    if (at == std::string::npos || std::filesystem::exists(given)) return;
    auto const* const end = given.data() + given.size();
    auto const [next, fault] = std::from_chars(given.data() + at + 1, end, weight);
    if (fault != std::errc() || next != end || !(weight > 0 && weight < 1e12))
      throw cria::error("--data", "the weight of a corpus", "a positive number behind =", given.substr(at + 1));
    path.resize(at);
  }
};

/// Opens corpora, and tokenizes what is none: text files and folders of them. Without weights the tokens of all are
/// alike; with weights, each is a corpus' share of the tokens. `tokenizer` may be null where there are only corpora.
inline std::vector<cria::train::mixture_source> open_data(std::vector<std::string> const& given,
                                                          cria::text::tokenizer const* tokenizer) {
  std::vector<cria::train::mixture_source> sources;
  std::size_t weighted = 0;
  for (auto const& g : given) {
    data_argument const a(g);
    std::shared_ptr<cria::train::documents const> from;
    if (std::filesystem::exists(std::filesystem::path(a.path) / "corpus.json")) {
      from = cria::train::corpus::open(a.path);
    } else {
      auto const files = cria::train::find_texts({a.path});
      if (!tokenizer)
        throw cria::error(a.path, "is text, and there is nothing to make tokens of it", "--tokenizer FILE", "none");
      constexpr std::size_t piece = 2048;  // small texts need many documents, so that some are held out
      cria::train::tokenize_options const how{{.document_bytes = piece},
                                              int(std::max(1u, std::thread::hardware_concurrency()))};
      from = cria::train::corpus_of_texts(a.path, files, *tokenizer, how);
    }
    weighted += a.weight > 0;
    sources.push_back({from, a.weight > 0 ? a.weight : double(from->tokens())});
  }
  if (weighted != 0 && weighted != sources.size())
    throw cria::error("--data", "weights", "one for every corpus, or for none",
                      fmt::format("{} of {}", weighted, sources.size()));
  return sources;
}

}  // namespace support
