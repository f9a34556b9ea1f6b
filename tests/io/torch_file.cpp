#include "cria/io/torch_file.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/paths.hpp"
#include "support/torch.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using test::raw;
namespace p = test::pickle;

namespace {

std::string golden(std::string const& name) { return test::golden_file("formats/torch/" + name).string(); }

io::torch_file open_golden(std::string const& name) { return io::torch_file(io::mapped_file(golden(name))); }

std::vector<float> values(io::file_tensor const& t) {
  auto const format = *t.format();
  std::vector<float> out(t.bytes.size() / std::size_t(facts(format).bytes));
  decode(format, t.bytes, out);
  return out;
}

std::string const storage = raw(test::ramp(6));

void refuses(std::string const& pickle, std::string const& message) {
  auto const bytes = test::torch_file(pickle, {storage});
  REQUIRE_THROWS_WITH(io::torch_file(test::as_file(bytes)), Equals("file: " + message));
}

/// The same of a pickle's content, behind the protocol.
void refuses_content(std::string const& content, std::string const& message) {
  refuses("\x80\x02" + content, "archive/data.pkl: " + message);
}

}  // namespace

TEST_CASE("a module's dictionary of PyTorch is read") {
  auto const file = open_golden("module.pth");
  REQUIRE(file.tensors().size() == 2);
  auto const& weight = *file.tensor("weight");
  REQUIRE(weight.type == "BF16");
  REQUIRE(weight.shape == std::vector<std::uint64_t>{2, 3});
  REQUIRE(values(weight) == std::vector<float>{-2, -1, 0, 1, 2, 3});
  REQUIRE(values(*file.tensor("bias")) == std::vector<float>{0.5, -1.5});
  REQUIRE(file.tensor("other") == nullptr);
}

TEST_CASE("tensors are views of the file, and may share a storage") {
  auto const file = open_golden("shared.pth");
  REQUIRE(file.tensor("half")->type == "F16");
  REQUIRE(values(*file.tensor("half")) == std::vector<float>{1.5, -2});
  REQUIRE(values(*file.tensor("rows")) == std::vector<float>{3, 4, 5, 6, 7, 8});
  REQUIRE(file.tensor("rows")->bytes.data() == file.tensor("whole")->bytes.data() + 3 * 4);
  REQUIRE(values(*file.tensor("parameter")) == std::vector<float>{9, 10, 11});
  REQUIRE(file.tensor("number")->shape.empty());
  REQUIRE(values(*file.tensor("number")) == std::vector<float>{7});
  REQUIRE(file.tensor("empty")->shape == std::vector<std::uint64_t>{0, 4});
  REQUIRE(file.tensor("empty")->bytes.empty());
}

TEST_CASE("what else PyTorch saves is refused by name") {
  auto const refuses_golden = [](std::string const& name, std::string const& message) {
    REQUIRE_THROWS_WITH(open_golden(name), Equals(golden(name) + message));
  };
  refuses_golden("turned.pth",
                 ": turned: strides (expected those of rows one after the other, found [1, 3] of shape [3, 4])");
  refuses_golden("integers.pth",
                 ": integers/data.pkl: a name that the pickle may not use (expected tensors of f32, f16 or bf16 in a "
                 "dictionary, found torch LongStorage)");
  refuses_golden("number.pth", ": number/data.pkl: step (expected a tensor, found a number)");
  refuses_golden(
      "list.pth",
      ": list/data.pkl: instruction at byte 16 (expected one that a dictionary of tensors needs, found 0x5d)");
  refuses_golden("whole_module.pth",
                 ": whole_module/data.pkl: a name that the pickle may not use (expected tensors of f32, f16 or bf16 in "
                 "a dictionary, found torch.nn.modules.linear Linear)");
  refuses_golden(
      "old.pth",
      ": not a file of torch.save (expected a zip archive, found the format before PyTorch 1.6; load and save it "
      "again with a newer one)");
}

TEST_CASE("an archive made by hand is read, and its parts are needed") {
  auto const pickle = p::dictionary({{.name = "a"}, {.name = "row", .offset = 3, .shape = {1, 3}, .strides = {99, 1}}});
  auto const bytes = test::torch_file(pickle, {storage});
  io::torch_file const file(test::as_file(bytes));
  REQUIRE(values(*file.tensor("a")) == test::ramp(6));
  REQUIRE(values(*file.tensor("row")) == std::vector<float>{test::ramp(6)[3], test::ramp(6)[4], test::ramp(6)[5]});
  auto const refuses_bytes = [](std::string const& content, std::string const& message) {
    REQUIRE_THROWS_WITH(io::torch_file(test::as_file(content)), Equals("file: " + message));
  };
  refuses_bytes("abc", "not a file of torch.save (expected a zip archive, found something else)");
  refuses_bytes(test::torch_file(pickle, {}), "archive/data/0: missing in the archive");
  refuses_bytes(test::zip_writer{}.entry("archive/x", "").str(),
                "not a file of torch.save (expected an archive with FOLDER/data.pkl, found an archive without)");
  refuses_bytes(test::zip_writer{}.entry("a/data.pkl", "").entry("b/data.pkl", "").str(),
                "pickles in the archive (expected one, found a/data.pkl and b/data.pkl)");
  refuses_bytes(test::zip_writer{}.entry("a/data.pkl", pickle).entry("a/byteorder", "big").str(),
                "byte order (expected little, found big)");
}

TEST_CASE("tensors that don't fit their storages are refused") {
  auto const one = [](p::tensor const& t) { return p::dictionary({t}); };
  refuses(one({.name = "a", .stored = 5}), "a: size of its storage (expected 5 values, found 24 bytes)");
  refuses(one({.name = "a", .stored = -6}), "a: size of its storage (expected -6 values, found 24 bytes)");
  refuses(one({.name = "a", .kind = "HalfStorage"}), "a: size of its storage (expected 6 values, found 24 bytes)");
  refuses(one({.name = "a", .offset = 1}), "a: place in its storage (expected within 6 values, found 6 at 1)");
  refuses(one({.name = "a", .offset = -1}), "a: place in its storage (expected within 6 values, found 6 at -1)");
  refuses(one({.name = "a", .shape = {2, 4}, .strides = {4, 1}}),
          "a: place in its storage (expected within 6 values, found 8 at 0)");
  refuses(one({.name = "a", .shape = {-2, 3}}), "a: shape (expected extents of 0 and more, found -2)");
  refuses(one({.name = "a", .strides = {3}}), "a: number of strides (expected 2, found 1)");
  refuses(one({.name = "a", .strides = {0, 0}}),
          "a: strides (expected those of rows one after the other, found [0, 0] of shape [2, 3])");
  refuses(p::dictionary({{.name = "a"}, {.name = "a"}}), "a: a tensor of this name is there twice");
  int const large = 1 << 30;
  refuses(one({.name = "a", .shape = {large, large, large}, .strides = {0, large, 1}}),
          "a: place in its storage (expected within 6 values, found 18446744073709551615 at 0)");
}

TEST_CASE("the pickle's machine has what a dictionary of tensors needs, and bounds") {
  // long and short numbers, what is remembered, None, and attributes that nobody needs
  auto const more = "\x80\x02" + p::ordered + "q\x01(" + p::text("a") + p::tensor{.name = "a"}.value() + "r" +
                    raw(std::uint32_t(300)) + p::text("b") + "j" + raw(std::uint32_t(300)) + "u}q\x02" + p::text("n") +
                    "N" + "s" + p::text("x") + "\x8a\x02\xff\xff" + "sh\x02" + "(K\x05M\x05\x01\x88tq\x03" +
                    "h\x02(h\x03h\x03u" + "\x85\x85\x86";
  refuses(more + ".", "archive/data.pkl: content of the pickle (expected a dictionary, found a tuple)");
  auto const bytes = test::torch_file("\x80\x02" + p::ordered + "(" + p::text("a") + p::tensor{.name = "a"}.value() +
                                          "q\x09" + p::text("b") + "h\x09u}" + p::text("_metadata") + "Nsb.",
                                      {storage});
  REQUIRE(io::torch_file(test::as_file(bytes)).tensors().size() == 2);

  refuses("", "archive/data.pkl: the file ends inside the pickle at byte 0 (expected 1 bytes, found 0)");
  refuses("abc", "archive/data.pkl: not a pickle (expected protocol 2, found none)");
  refuses("\x80\x04.", "archive/data.pkl: protocol of the pickle (expected 2, found 4)");
  refuses_content("}", "the file ends inside the pickle at byte 3 (expected 1 bytes, found 0)");
  refuses_content(".", "values on the stack at byte 3 (expected 1, found 0)");
  refuses_content("}s.", "values on the stack at byte 4 (expected 2, found 1)");
  refuses_content("}(\x85.", "values on the stack at byte 5 (expected 1, found 0)");  // marks are floors
  refuses_content("}u.", "no mark on the stack at byte 4");
  refuses_content("}(Nu.", "items of a dictionary (expected pairs, found 1 values)");
  refuses_content("N(NNu.", "what items are set in (expected a dictionary, found None)");
  refuses_content("h\x05.", "value 5 was not remembered");
  refuses_content("}(KxKxu.", "key of a tensor (expected text, found a number)");
  refuses_content("}(" + p::text(std::string(1001, 'n')) + "Nu.",
                  "name of a tensor (expected at most 1000 bytes, found 1001)");
  refuses_content("}(" + p::text("line\nbreak") + "Nu.", "line?break (expected a tensor, found None)");
  refuses_content("\x8a\x09" + std::string(9, 'x'), "bytes of a number (expected at most 8, found 9)");
  refuses_content("cos", "the name of a function has no end");
  for (auto const& [module, name] :
       {std::pair{"os", "system"}, {"builtins", "eval"}, {"torch", "load"}, {"collections", "OrderedDict "}})
    refuses_content(p::global(module, name),
                    std::string("a name that the pickle may not use (expected tensors of f32, f16 or bf16 in a "
                                "dictionary, found ") +
                        module + " " + name + ")");
  refuses_content(std::string(65, '('), "depth of the pickle (expected at most 64, found more)");
  refuses_content(std::string((1 << 18) + 1, 'N'), "number of values (expected at most 262144, found more)");
  refuses_content(p::tuple({"N"}) + "Q",
                  "name of a storage (expected (storage, type, key, device, size), found 1 values)");
  refuses_content(p::tuple({p::text("module"), "N", "N", "N", "N"}) + "Q",
                  "name of a storage (expected (storage, type, key, device, size), found 5 values)");
  auto const ordered = p::global("collections", "OrderedDict"), half = p::global("torch", "HalfStorage"),
             parameter = p::global("torch._utils", "_rebuild_parameter"),
             tensor = p::global("torch._utils", "_rebuild_tensor_v2");
  refuses_content(p::tuple({p::text("storage"), ordered, p::text("0"), "N", "N"}) + "Q",
                  "type of a storage (expected one of torch's storages, found another function)");
  refuses_content(p::tuple({p::text("storage"), half, p::text("0"), "N", "N"}) + "Q",
                  "size of a storage (expected a number, found None)");
  refuses_content("N)R", "what is called (expected a function, found None)");
  refuses_content(half + ")R", "what is called (expected a function, found a type of storages)");
  refuses_content(ordered + "NR", "arguments of a function (expected a tuple, found None)");
  refuses_content(ordered + "N\x85R", "arguments of OrderedDict (expected 0, found 1)");
  refuses_content(parameter + "NNN\x87R", "data of a parameter (expected a tensor, found None)");
  refuses_content(tensor + "NNN\x87R", "arguments of _rebuild_tensor_v2 (expected 6, found 3)");
  refuses_content(tensor + p::tuple({"N", "N", "N", "N", "N", "N"}) + "R",
                  "storage of a tensor (expected a storage, found None)");
  refuses_content("}}b.", "what attributes are set of (expected an OrderedDict, found a dictionary)");
  refuses_content("}Nb.", "attributes (expected a dictionary, found None)");
  for (std::string const op : {"0", "1", "2", "i", "o", "P", "V", "I", "S", "e", "a", "]", "B", "\x81", "\x82", "\x92",
                               "\x93", "\x94", "\x95"})
    REQUIRE_THROWS_WITH(io::torch_file(test::as_file(test::torch_file("\x80\x02" + op, {}))),
                        ContainsSubstring("instruction at byte 2"));
}
