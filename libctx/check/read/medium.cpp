#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/check/read_machine.hpp>
#include <ctx/disc_reader.hpp>

#include "check/read/add_files.hpp"

namespace ctx::check {

namespace {

// ECMA-167: UDF announces itself by "NSR02" or "NSR03" behind "BEA01", where ISO 9660 has its descriptors.
bool is_udf_alone(const std::filesystem::path& path)
{
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    constexpr off_t sector = 2048;
    std::array<char, 6> id{};
    for (off_t number = 16; file && number < 32; ++number) {
        if (::pread(file.get(), id.data(), id.size(), number * sector) != static_cast<ssize_t>(id.size()))
            return false;
        const std::string_view name(id.data() + 1, 5);
        if (name == "CD001") return false;
        if (name == "NSR02" || name == "NSR03") return true;
    }
    return false;
}

} // namespace

Medium read_medium(const std::filesystem::path& disc, std::string device, const Deadline& deadline)
{
    Medium medium{.place = disc.string(), .device = std::move(device), .label = "", .files = {}};
    if (is_udf_alone(disc)) {
        medium.filesystem = FileSystem::udf;
        return medium;
    }
    const DiscReader reader(disc, deadline);
    medium.label = reader.label();
    add_files(medium, reader);
    return medium;
}

} // namespace ctx::check
