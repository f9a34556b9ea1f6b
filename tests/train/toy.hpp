#pragma once
// Small documents of numbers, in memory and in files.
#include <memory>
#include <string>
#include <vector>

#include "cria/train/data.hpp"
#include "support/paths.hpp"

namespace cria::test {

inline train::vocabulary_id toy_vocabulary(int size = 300) { return {0x1234, size, 1}; }

/// Documents of 1 to 40 tokens, bos first; another `start` gives others.
inline std::vector<std::vector<int>> toy_texts(int count, int start = 0) {
  std::vector<std::vector<int>> out;
  for (int i = 0; i < count; ++i) {
    auto const length = 1 + train::mix(std::uint64_t(start + i)) % 40;
    std::vector<int> document{1};
    while (document.size() < length)
      document.push_back(2 + int(train::mix(document.size() + std::uint64_t(start + i) * 1000) % 298));
    if (length > 2) document[1] = 2 + (start + i) % 298, document[2] = 2 + (start + i) / 298;
    out.push_back(document);
  }
  return out;
}

inline std::shared_ptr<train::documents const> in_memory(std::vector<std::vector<int>> const& texts,
                                                         std::string name = "toy", int vocabulary = 300) {
  train::corpus_in_memory::builder all;
  for (auto const& t : texts) all.add(t);
  return std::make_shared<train::corpus_in_memory>(std::move(name), toy_vocabulary(vocabulary), std::move(all));
}

inline train::corpus_facts write_corpus(fs::path const& folder, std::vector<std::vector<int>> const& texts,
                                        std::uint64_t shard_tokens = 1000, int vocabulary = 300) {
  train::corpus_writer writer(folder.string(), toy_vocabulary(vocabulary), shard_tokens);
  for (auto const& t : texts) writer.add(t);
  return writer.finish({{"toy.txt", 10, texts.size(), 20}});
}

inline std::vector<std::vector<int>> all_of(train::documents const& from) {
  std::vector<std::vector<int>> out;
  for (std::size_t i = 0; i < from.size(); ++i) out.push_back(from.read(i));
  return out;
}

}  // namespace cria::test
