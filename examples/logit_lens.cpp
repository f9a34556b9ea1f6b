// What a model would say after each of its layers: the residual stream through the last norm and the output matrix
// (nostalgebraist 2020, "interpreting GPT: the logit lens").
#include "support/program.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cria/text/utf8.hpp"
#include "support/gnuplot.hpp"
#include "support/lens.hpp"
#include "support/model.hpp"
#include "support/text_input.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  std::string prompt, picture;
  int top = 1;
};

struct guess {
  int token;
  double probability;
};

/// The likeliest tokens of one row of logits, with their probabilities.
std::vector<guess> likeliest(std::span<float const> logits, int top) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  auto const end = order.begin() + std::min<std::ptrdiff_t>(top, std::ptrdiff_t(order.size()));
  auto const before = [&](int a, int b) {
    return std::pair(-logits[std::size_t(a)], a) < std::pair(-logits[std::size_t(b)], b);
  };
  std::partial_sort(order.begin(), end, order.end(), before);
  double const most = double(logits[std::size_t(order[0])]);
  double sum = 0;
  for (float const x : logits) sum += std::exp(double(x) - most);
  std::vector<guess> all;
  for (auto it = order.begin(); it != end; ++it)
    all.push_back({*it, std::exp(double(logits[std::size_t(*it)]) - most) / sum});
  return all;
}

/// A token in a cell: one line, blanks to be seen, at most `most` characters.
std::string shown(text::tokenizer const& tokens, int id, std::size_t most) {
  std::string out;
  std::size_t width = 0;
  auto const piece = text::well_formed(tokens.piece(id));
  for (std::size_t i = 0; i < piece.size();) {
    std::size_t length = 1;
    while (i + length < piece.size() && (static_cast<unsigned char>(piece[i + length]) & 0xc0) == 0x80) ++length;
    auto const one = piece.substr(i, length);
    i += length;
    if (++width > most) return out + "…";
    out += one == "\n"                                               ? "⏎"
           : one == "\t"                                             ? "⇥"
           : one == " "                                              ? "␣"
           : length == 1 && static_cast<unsigned char>(one[0]) < ' ' ? "?"
                                                                     : one;
  }
  return out;
}

/// A cell of a table: fmt counts what a terminal shows.
std::string cell(std::string const& text, std::size_t width) { return fmt::format("{:<{}}", text, width); }

/// [depth][position][rank]
using reading = std::vector<std::vector<std::vector<guess>>>;

reading read(support::lens& model, std::vector<int> const& tokens, int top) {
  model.run(tokens);
  reading all;
  for (int depth = 0; depth <= model.layers(); ++depth) {
    auto const logits = model.logits(depth);
    std::size_t const vocabulary = logits.size() / tokens.size();
    auto& rows = all.emplace_back();
    for (std::size_t i = 0; i < tokens.size(); ++i)
      rows.push_back(likeliest(logits.subspan(i * vocabulary, vocabulary), top));
  }
  return all;
}

std::string name_of(std::size_t depth) { return depth == 0 ? "embedding" : fmt::format("layer {}", depth); }

void print(reading const& all, std::vector<int> const& ids, text::tokenizer const& tokens) {
  constexpr std::size_t width = 18;
  std::string line = cell("", 11);
  for (int const id : ids) line += cell(shown(tokens, id, width - 2), width);
  support::write(line + "\n");
  for (std::size_t depth = all.size(); depth-- > 0;)
    for (std::size_t rank = 0; rank < all[depth][0].size(); ++rank) {
      line = cell(rank == 0 ? name_of(depth) : "", 11);
      for (auto const& row : all[depth])
        line += cell(fmt::format("{} {:.2f}", shown(tokens, row[rank].token, 10), row[rank].probability), width);
      support::write(line + "\n");
    }
}

/// A string of a gnuplot script or data file.
std::string quoted(std::string const& text) {
  std::string out = "\"";
  for (char const c : text) out += c == '"' ? "''" : c == '\\' ? "\\\\" : std::string(1, c);
  return out + "\"";
}

void draw(reading const& all, std::vector<int> const& ids, text::tokenizer const& tokens, std::string const& out) {
  std::string data, x_names, y_names;
  for (std::size_t depth = 0; depth < all.size(); ++depth) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto const& [token, probability] = all[depth][i][0];
      data += fmt::format("{} {} {:.6f} {}\n", i, depth, probability,
                          quoted(fmt::format("{}  {:.2f}", shown(tokens, token, 8), probability)));
    }
    y_names += fmt::format("{}{} {}", depth > 0 ? ", " : "", quoted(name_of(depth)), depth);
  }
  for (std::size_t i = 0; i < ids.size(); ++i)
    x_names += fmt::format("{}{} {}", i > 0 ? ", " : "", quoted(shown(tokens, ids[i], 9)), i);
  support::gnuplot picture;
  picture.put("data", data);
  int const width = 190 + 122 * int(ids.size()), height = 110 + 19 * int(all.size());
  // One colour from white to dark blue; the text is white where the ground is dark.
  picture.draw(
      support::gnuplot::terminal(out, width, height) +
          fmt::format(
              "set xrange [-0.5:{}.5]\nset yrange [-0.5:{}.5]\nset xtics ({}) noenhanced\nset ytics ({}) noenhanced\n",
              ids.size() - 1, all.size() - 1, x_names, y_names) +
          "set tics scale 0\nset border 0\nset palette defined (0 '#ffffff', 0.25 '#c6dbef', 0.5 '#6baed6', 0.75 '#2171b5', "
          "1 '#08306b')\n"
          "set cbrange [0:1]\nset cblabel 'probability of the likeliest token' offset 0.5\nset xlabel 'token read'\nunset "
          "key\n"
          "ink(p) = p > 0.55 ? 0xffffff : 0x202020\n"
          "plot 'data' using 1:2:3 with image pixels, '' using 1:2:4:(ink($3)) with labels textcolor rgb variable "
          "noenhanced font ',10'\n",
      out);
}

void look(settings const& s) {
  if (!s.picture.empty()) support::gnuplot::check_name("--svg", s.picture);
  support::model_arguments const& m = s.model;
  auto const file = m.open();
  auto const tokens = m.open_tokenizer();
  if (tokens->size() != file.shape().vocabulary)
    throw error(m.tokenizer.empty() ? m.file : m.tokenizer, "the tokenizer is not this model's",
                fmt::format("{} tokens", file.shape().vocabulary), fmt::format("{}", tokens->size()));
  support::check_prompt("prompt", s.prompt);
  auto ids = tokens->encode(s.prompt);
  if (tokens->add_bos()) ids.insert(ids.begin(), tokens->bos());
  int const most = std::min(256, file.shape().context);
  if (ids.empty() || int(ids.size()) > most)
    throw error("prompt", "number of tokens", fmt::format("1 to {}", most), std::to_string(ids.size()));
  auto const model = support::open_lens(file, int(ids.size()));
  auto const all = read(*model, ids, s.top);
  print(all, ids, *tokens);
  if (s.picture.empty()) return;
  draw(all, ids, *tokens, s.picture);
  support::write(s.picture + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("logit_lens", "Prints what a model would say after each of its layers", [&](CLI::App& arguments) {
    settings s;
    s.model.add_files(arguments);
    s.model.add_adapter(arguments);
    s.model.add_policy(arguments);
    arguments.add_option("prompt", s.prompt, "a text")->required();
    support::add_positive(arguments, "--top", s.top, "how many tokens of each row, the likeliest first")
        ->capture_default_str();
    arguments.add_option("--svg", s.picture, "also draw it: a .svg or .png");
    support::parse(arguments, argc, argv);
    look(s);
  });
}
