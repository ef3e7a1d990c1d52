#include "share_directory.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/digest.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

namespace runner {

using nlohmann::json;

std::string ShareDirectory::details() const
{
    return json{{"path", (parent / name).string()}}.dump();
}

namespace {

// What guests write must be no program, device or set-uid file to this host.
void require_harmless(const std::filesystem::path& parent)
{
    struct statvfs mounted{};
    constexpr unsigned long wanted = ST_NOSUID | ST_NODEV | ST_NOEXEC;
    if (::statvfs(parent.c_str(), &mounted) == 0 && (mounted.f_flag & wanted) == wanted) return;
    throw ctx::Error(ctx::Blame::node, "the share's directory is not mounted nosuid,nodev,noexec")
        .at(parent.string())
        .mend(fmt::format("mount --bind {0} {0} && mount -o remount,bind,nosuid,nodev,noexec {0}",
                          parent.string()));
}

} // namespace

std::filesystem::path ShareDirectory::make() const
{
    struct stat info{};
    if (::stat(parent.c_str(), &info) < 0 || !S_ISDIR(info.st_mode))
        throw ctx::Error(ctx::Blame::node, "the share's directory is not there")
            .at(parent.string())
            .mend("make it (mode 0711, owner root) and export it, or correct share.directory");
    if ((info.st_mode & 0077) != 0011)
        throw ctx::Error(ctx::Blame::node, "the share's directory can be listed or written by others")
            .at(parent.string())
            .mend("chmod 0711: guests must not see each other's directories");
    require_harmless(parent);
    const std::filesystem::path path = parent / name;
    ctx::make_directory(path, 0700, uid, gid);
    return path;
}

void ShareDirectory::remove(const std::string& details)
{
    ctx::remove_tree(path_in(details));
}

std::filesystem::path ShareDirectory::path_in(const std::string& details)
{
    return json::parse(details).at("path").get<std::string>();
}

std::string share_prefix(const std::filesystem::path& state_dir)
{
    utsname names{};
    ::uname(&names);
    std::string machine;
    try {
        constexpr std::size_t limit = 128;
        machine = ctx::read_file("/etc/machine-id", limit);
    } catch (const ctx::Error&) { // NOLINT(bugprone-empty-catch): then the host's name has to do
    }
    constexpr std::size_t enough = 12;
    const char* host = static_cast<const char*>(names.nodename);
    return ctx::sha256_hex(fmt::format("{}\n{}\n{}", machine, host, state_dir.string())).substr(0, enough) +
           "-";
}

} // namespace runner
