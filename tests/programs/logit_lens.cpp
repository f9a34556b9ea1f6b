// logit_lens on stories260K, whose kernels it has.
#include <algorithm>
#include <sstream>

#include "cria/text/utf8.hpp"
#include "process.hpp"

using namespace cria::test;

namespace {

/// Whether every element of an XML text is closed, in the right order, and no text has a bare < or &.
bool well_formed_xml(std::string const& text) {
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = text.find_first_of("<&", at)) != text.npos; ++at) {
    auto const end = text.find(text[at] == '&' ? ';' : '>', at);
    if (end == text.npos || text.find('<', at + 1) < end) return false;
    auto const tag = text.substr(at + 1, end - at - 1);
    if (text[at] == '&' || tag.starts_with('?') || tag.starts_with('!') || tag.ends_with('/')) continue;
    auto const name = tag.substr(0, tag.find_first_of(" \t\r\n"));
    if (!name.starts_with('/')) open.push_back(name);
    else if (open.empty() || open.back() != name.substr(1)) return false;
    else open.pop_back();
  }
  return open.empty() && cria::text::well_formed(text) == text;
}

}  // namespace

TEST_CASE("logit_lens prints a row for each layer") {
  auto const o = run("logit_lens", with_model({"Once upon a", "--top", "2"}));
  INFO(o.err << o.out);
  REQUIRE(o.code == 0);
  std::vector<std::string> lines;
  std::istringstream text(o.out);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  REQUIRE(lines.size() == 1 + 6 * 2);  // tokens; two guesses after each of 5 layers and the embedding
  for (std::size_t depth = 5; depth > 0; --depth)
    CHECK(lines[1 + 2 * (5 - depth)].starts_with("layer " + std::to_string(depth) + " "));
  CHECK(lines[11].starts_with("embedding "));
  CHECK(lines[1].find("␣time ") != lines[1].npos);  // as every one of its stories goes on
}

TEST_CASE("logit_lens draws") {
  temporary_folder const folder;
  auto const svg = (folder.path() / "lens.svg").string(), png = (folder.path() / "lens.png").string();
  auto const o = run("logit_lens", with_model({"One <b> & \"two\"\\n", "--svg", svg}));
  if (o.err.find("expected an installed gnuplot") != o.err.npos) SKIP("no gnuplot");
  INFO(o.err);
  REQUIRE(o.code == 0);
  CHECK(o.out.ends_with("\n" + svg + "\n"));
  auto const picture = read_text(svg);
  CHECK(picture.starts_with("<?xml"));
  CHECK(well_formed_xml(picture));
  for (char const* const part : {"embedding", "layer 5", "probability of the likeliest token"})
    CHECK(picture.find(part) != picture.npos);
  REQUIRE(run("logit_lens", with_model({"One", "--svg", png})).code == 0);
  CHECK(read_text(png).starts_with("\x89PNG\r\n"));
}

TEST_CASE("what logit_lens refuses") {
  temporary_folder const folder;
  check_refused("logit_lens", with_model({}), "required");
  check_refused("logit_lens", with_model({""}), "empty");
  check_refused("logit_lens", with_model({"ab\xff"}), "byte 2 (expected UTF-8, found 0xff)");
  std::string longer;
  for (int i = 0; i < 300; ++i) longer += "x y ";
  check_refused("logit_lens", with_model({longer}), "prompt: number of tokens (expected 1 to 256, found ");
  check_refused("logit_lens", with_model({"a", "--top", "0"}), "--top: out of range");
  check_refused("logit_lens", with_model({"a", "--svg", folder.path() / "lens.txt"}), "--svg: kind of the picture");
  check_refused("logit_lens", with_model({"a", "--adapter", "none"}), "none: not an adapter");
  CHECK(fs::is_empty(folder.path()));
}
