#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "runner/job/batch_job.hpp"

namespace {

runner::Settings settings()
{
    return runner::parse_settings(R"(schema = 1
share = { source = "h:/s" }
jobs = { default_profile = "a" }
[profile.a]
[profile.b]
[profile.c]
[queue.both]
profiles = ["b", "a"]
[queue.none]
profiles = []
)",
                                  "vmbatch.toml");
}

std::string choice(const std::string& queue, const std::string& script)
try {
    const runner::Settings known = settings();
    const runner::Profile* profile = runner::choose_profile({.queue = queue, .directives = script}, known);
    return profile == nullptr ? "no guest" : profile->name;
} catch (const ctx::Error& error) {
    CHECK(error.blame() == ctx::Blame::user);
    return error.what();
}

} // namespace

TEST_CASE("the queue decides on the profile")
{
    CHECK(choice("both", "") == "b");
    CHECK(choice("none", "#VMBATCH profile=a\n") == "no guest");
    CHECK(choice("unlisted", "") == "a");
}

TEST_CASE("a script may ask for another profile of its queue, before its first command")
{
    CHECK(choice("both", "#!/bin/sh\n#PBS -N x\n\n  # why\n#VMBATCH profile=a\necho\n") == "a");
    CHECK(choice("both", "#!/bin/sh\r\n#VMBATCH\tprofile=a \r\n") == "a");
    CHECK(choice("both", "#!/bin/sh\necho\n#VMBATCH profile=a\n") == "b");
    CHECK(choice("both", "#VMBATCH profile=c\n") ==
          "the profile the job asks for is not for its queue: #VMBATCH profile=c: queue 'both' has: b, a");
    CHECK(choice("unlisted", "#VMBATCH profile=b\n") ==
          "the profile the job asks for is not for its queue: #VMBATCH profile=b: queue 'unlisted' has: a");
    CHECK(choice("both", "#VMBATCH profil=a\n") ==
          "a #VMBATCH line that says nothing known: '#VMBATCH profil=a'");
}
