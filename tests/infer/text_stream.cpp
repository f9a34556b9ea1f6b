#include "cria/infer/text_stream.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cria/text.hpp"
#include "support/paths.hpp"

using namespace cria;

namespace {

std::vector<std::string> pieces(std::vector<int> const& ids, bool continues) {
  auto const tokens = text::open_tokenizer(test::stories260k_file("tok512.bin").string());
  infer::text_stream stream(*tokens, continues);
  std::vector<std::string> out;
  for (int const id : ids) out.push_back(stream.put(id));
  out.push_back(stream.finish());
  return out;
}

}  // namespace

TEST_CASE("a blank in front belongs to a text that goes on") {
  CHECK(pieces({403, 407}, true) == std::vector<std::string>{" Once", " upon", ""});
  CHECK(pieces({403, 407}, false) == std::vector<std::string>{"Once", " upon", ""});
  CHECK(pieces({1, 403}, false) == std::vector<std::string>{"", "Once", ""});
}

TEST_CASE("a character appears with its last byte") {
  // byte tokens are 3 + byte; U+1F999 is f0 9f a6 99
  CHECK(pieces({3 + 0xf0, 3 + 0x9f, 3 + 0xa6, 3 + 0x99}, true) ==
        std::vector<std::string>{"", "", "", "\U0001F999", ""});
  CHECK(pieces({3 + 0xf0, 3 + 0x9f}, true) == std::vector<std::string>{"", "", "\ufffd"});
  CHECK(pieces({3 + 0xf0, 3 + 'a'}, true) == std::vector<std::string>{"", "\ufffd\x61", ""});
}
