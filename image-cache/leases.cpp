#include "leases.hpp"

#include <array>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/file.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

namespace fs = std::filesystem;

void check_holder(std::string_view holder)
{
    if (ctx::is_job_id(holder)) return;
    throw ctx::Error(ctx::Blame::user, "not a job's id")
        .at(ctx::printable(holder))
        .because("a lease on an image is held in the name of a job")
        .mend("letters, digits and `._-+@[]`, beginning with a letter or digit, at most 128");
}

namespace {

std::string host_name()
{
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

} // namespace

void add_lease(const Layout& layout, std::string_view digest, std::string_view holder, const fs::path& alive)
{
    const fs::path folder = layout.leases_of(digest);
    if (::mkdir(folder.c_str(), 0755) < 0 && errno != EEXIST)
        throw ctx::system_error("cannot lease the image", folder.string(), errno);
    ctx::write_file(folder / holder, host_name() + "\n" + alive.string() + "\n", 0644);
}

void drop_lease(const Layout& layout, std::string_view digest, std::string_view holder)
{
    const fs::path folder = layout.leases_of(digest);
    if (::unlink((folder / holder).c_str()) < 0 && errno != ENOENT)
        throw ctx::system_error("cannot release the image", (folder / holder).string(), errno);
    // Stays while others hold the image.
    ::rmdir(folder.c_str());
}

bool has_lease(const Layout& layout, std::string_view digest, std::string_view holder)
{
    return ::access((layout.leases_of(digest) / holder).c_str(), F_OK) == 0;
}

bool is_dead(const Layout& layout, std::string_view digest, std::string_view holder)
try {
    const std::vector<std::string> lines =
        ctx::split(ctx::read_file(layout.leases_of(digest) / holder, 8192), '\n');
    if (lines.size() < 2 || lines[0].empty() || lines[0] != host_name() || !lines[1].starts_with('/'))
        return false;
    return ::access(lines[1].c_str(), F_OK) < 0 && errno == ENOENT;
} catch (const ctx::Error&) {
    return false;
}

std::vector<std::string> lease_holders(const Layout& layout, std::string_view digest)
{
    std::vector<std::string> holders = entries(layout.leases_of(digest));
    std::erase_if(holders, [](const std::string& name) { return !ctx::is_job_id(name); });
    return holders;
}

} // namespace image_cache
