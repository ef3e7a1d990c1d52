#include <string>

#include <catch2/catch.hpp>

#include <ctx/strict_toml.hpp>

using ctx::Blame;

namespace {

template <class Work>
std::string message_of(Work&& work)
{
    try {
        work();
    } catch (const ctx::Error& error) {
        return error.what();
    }
    return "(no error)";
}

} // namespace

TEST_CASE("an unknown key names its place and the nearest known one")
{
    const auto document = ctx::parse_toml("[profile.x]\nimgae = 'a'\n", "vmbatch.toml", Blame::node);
    ctx::TomlReader root(document, Blame::node);
    auto profiles = root.named_tables("profile");
    REQUIRE(profiles.size() == 1);
    ctx::TomlReader& reader = profiles[0].second;
    reader.maybe_text("image");
    CHECK(message_of([&] { reader.finish(); }) ==
          "'profile.x.imgae': no such key; did you mean 'image'?: vmbatch.toml:2");
}

TEST_CASE("a wrong type, a missing key and a bad choice say what is allowed")
{
    const auto document = ctx::parse_toml("a = 1\nb = 'x'\nc = [1]\n", "f.toml", Blame::user);
    ctx::TomlReader root(document, Blame::user);
    CHECK(message_of([&] { root.text("a"); }) == "'a': must be a string, not an integer: f.toml:1");
    CHECK(message_of([&] { root.text("z"); }) == "the key 'z' is missing: f.toml");
    CHECK(message_of([&] { root.one_of("b", {"xy", "zz"}, "xy"); }) ==
          "'b': 'x' is not one of xy, zz; did you mean 'xy'?: f.toml:2");
    CHECK(message_of([&] { root.texts("c"); }) == "'c': must hold strings only, not an integer: f.toml:3");
    CHECK(message_of([&] { root.integer("a", 2, 3); }) == "'a': 1 is not between 2 and 3: f.toml:1");
}

TEST_CASE("text that is no TOML gives its line")
{
    CHECK(message_of([] {
              ctx::parse_toml("a = 1\nb = \n", "f.toml", Blame::user);
          }).starts_with("not valid TOML: f.toml:2"));
    // What toml++ itself would end the program for, or takes for impossible.
    for (const char* text : {"a = 1\n[(b) = 2]\n", "a = 1\n[$b]\n", "a = 1\n[ \n", "a = 1\n[b.(c)]\n",
                             "ö = 1\n", "a = 1 ö\n", "\uff1d = 1\n", "a = 1 \ufefd\n"}) {
        CAPTURE(text);
        CHECK(message_of([&] {
                  ctx::parse_toml(text, "f.toml", Blame::user);
              }).starts_with("not valid TOML: f.toml:"));
    }
}
