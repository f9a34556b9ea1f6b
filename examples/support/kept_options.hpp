#pragma once
// Options that a run keeps, so that it goes on as it began.
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/json.hpp"

namespace support {

class kept_options {
 public:
  /// `option` writes to `to`, which must outlive this.
  template <class T>
  CLI::Option* keep(CLI::Option* option, T& to) {
    all_.push_back(
        {option, [&to] { return cria::io::json(to); }, [&to](cria::io::json const& value) { value.get_to(to); }});
    return option;
  }

  cria::io::json values() const {
    auto out = cria::io::json::object();
    for (auto const& o : all_) out[o.name()] = o.read();
    return out;
  }

  /// Takes what the command line doesn't say from the values of a run. Throws cria::error where the two differ.
  void restore(std::string const& where, cria::io::json const& kept) {
    for (auto const& o : all_) {
      auto const name = o.name();
      auto const found = kept.is_object() ? kept.find(name) : kept.end();
      if (found == kept.end()) throw cria::error(where, "not the settings of a run", "a value of --" + name, "none");
      auto const given = o.read();
      try {
        o.write(*found);
      } catch (cria::io::json::exception const&) {
        throw cria::error(where, "value of --" + name, "another kind of value", printed(*found));
      }
      if (o.option->count() > 0 && given != o.read())
        throw cria::error("--" + name, "the run was begun with another", printed(*found), printed(given));
    }
  }

 private:
  struct entry {
    CLI::Option* option;
    std::function<cria::io::json()> read;
    std::function<void(cria::io::json const&)> write;
    std::string name() const { return option->get_lnames().at(0); }
  };
  static std::string printed(cria::io::json const& value) {
    return cria::io::printable(value.dump(-1, ' ', true, cria::io::json::error_handler_t::replace));
  }
  std::vector<entry> all_;
};

}  // namespace support
