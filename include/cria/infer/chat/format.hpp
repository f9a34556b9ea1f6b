#pragma once
// How a conversation becomes tokens. Each family of chat models was trained on one way to write it.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cria::infer {

/// What the user said and what the model answered, as text.
struct exchange {
  std::string user, answer;
};

class chat_format {
 public:
  virtual ~chat_format() = default;
  virtual std::string_view name() const = 0;

  /// All tokens up to where the answer to `user` begins. Without a system text the model's own is taken, if it has one.
  /// Throws cria::error for text that the model would read as marks of the format.
  virtual std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                                  std::string_view user) const = 0;

  /// Whether an answer goes on in the middle of the user's text, instead of being a text of its own.
  virtual bool continues() const { return false; }

  /// Tokens at which an answer is over; they are no part of it.
  std::vector<int> const& stops() const { return stop_tokens; }

 protected:
  void add_stop(int token) {
    if (token >= 0) stop_tokens.push_back(token);
  }

 private:
  std::vector<int> stop_tokens;
};

namespace detail {

inline void append(std::vector<int>& to, std::vector<int> const& tokens) {
  to.insert(to.end(), tokens.begin(), tokens.end());
}

}  // namespace detail
}  // namespace cria::infer
