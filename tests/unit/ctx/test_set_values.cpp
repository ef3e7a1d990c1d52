#include <string>

#include <catch2/catch.hpp>

#include <ctx/context_file.hpp>

#include "sample.hpp"

using ctx::Context;

namespace {

std::string refusal(const ctx::Variables& values)
{
    return message_of([&] {
        Context context = sample_context();
        set_values(context, values);
    });
}

} // namespace

TEST_CASE("values said by hand take the place of the context's own")
{
    Context context = sample_context();
    set_values(context, {{"guest.hostname", "other"},
                         {"cernvm.proxy", "DIRECT"},
                         {"environment.WORD", "${job.id} 'x'"},
                         {"environment.NEW", ""},
                         {"cernvm.ucernvm.cvmfs_branch", "cernvm-prod.cern.ch"},
                         {"job.id", "8"},
                         {"site", "example"}});
    CHECK(context.hostname == "other");
    CHECK(context.cernvm.proxy == "DIRECT");
    CHECK(context.environment == std::map<std::string, std::string>{
                                     {"NEW", ""}, {"OMP_NUM_THREADS", "2"}, {"WORD", "${job.id} 'x'"}});
    CHECK(context.cernvm.bootloader.at("cvmfs_branch") == "cernvm-prod.cern.ch");
    CHECK(context.cernvm.bootloader.size() == 2);
}

TEST_CASE("a key that cannot be set, and a value that cannot be told, are refused")
{
    CHECK(refusal({{"guest.hostnam", "x"}}) ==
          "this key of a context cannot be set; did you mean 'guest.hostname'?: --set guest.hostnam");
    CHECK(refusal({{"user", "x"}}).find("cannot be set") != std::string::npos);
    CHECK(refusal({{"guest.hostname", "two words"}}).find("is no host name") != std::string::npos);
    CHECK(refusal({{"environment.1X", "x"}}).find("is no variable's name") != std::string::npos);
    CHECK(refusal({{"environment.X", std::string("a\0b", 3)}}).find("NUL") != std::string::npos);
    CHECK(refusal({{"cernvm.proxy", "x y"}}).find("is no list of proxies") != std::string::npos);
    CHECK(refusal({{"cernvm.ucernvm.a", "$(reboot)"}}).find("cannot be told to the boot loader") !=
          std::string::npos);
}
