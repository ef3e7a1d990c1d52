// disk-helper raw|nbd <IMAGE
//
// Looks at a disk on its standard input: a file as it is, or a connection to an NBD server. Standard output
// is JSON: what was found, exit status 0; an error, 1. A process of its own, for the disk is hostile: it has
// no privilege, opens no file, and can be ended at any moment.
#include <exception>
#include <iostream>
#include <memory>
#include <string_view>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/block_device.hpp>

#include "confine.hpp"
#include "disk/cached_device.hpp"
#include "disk/nbd_device.hpp"
#include "inspect.hpp"

namespace {

using nlohmann::json;

json error_json(const ctx::Error& error)
{
    return {{"blame", ctx::to_string(error.blame())},
            {"problem", error.problem()},
            {"place", error.place()},
            {"reason", error.reason()},
            {"remedy", error.remedy()},
            {"context", error.context()}};
}

json look(bool is_raw)
{
    ctx::Fd input(STDIN_FILENO);
    if (is_raw) return inspect(ctx::FileReader(std::move(input), "the image"));
    ctx::NbdDevice server(std::move(input));
    return inspect(ctx::CachedDevice(server));
}

// Names of a guest need not be UTF-8.
void print(const json& object)
{
    std::cout << object.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const std::string_view kind = argc == 2 ? argv[1] : "";
        if (kind != "raw" && kind != "nbd") return 2;
        confine();
        print(look(kind == "raw"));
        return 0;
    } catch (const ctx::Error& error) {
        print({{"error", error_json(error)}});
    } catch (const std::exception& error) {
        print({{"error",
                error_json(ctx::Error(ctx::Blame::user, "the disk cannot be read").because(error.what()))}});
    }
    return 1;
}
