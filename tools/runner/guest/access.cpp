#include "access.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>

namespace runner {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Error;
using nlohmann::json;

namespace {

constexpr const char* file_name = "access.json";
constexpr std::size_t limit = 1 << 20;

json group_json(const ctx::Group& group)
{
    return {{"name", group.name}, {"gid", group.gid}};
}

ctx::Group read_group(const json& data)
{
    return {data.at("name"), data.at("gid")};
}

json user_json(const ctx::User& user)
{
    json groups = json::array();
    for (const ctx::Group& group : user.groups) groups.push_back(group_json(group));
    return {{"name", user.name}, {"uid", user.uid},   {"group", group_json(user.group)},
            {"groups", groups},  {"home", user.home}, {"shell", user.shell}};
}

ctx::User read_user(const json& data)
{
    ctx::User user;
    data.at("name").get_to(user.name);
    data.at("uid").get_to(user.uid);
    user.group = read_group(data.at("group"));
    for (const json& group : data.at("groups")) user.groups.push_back(read_group(group));
    data.at("home").get_to(user.home);
    data.at("shell").get_to(user.shell);
    return user;
}

GuestAccess parse(const json& data)
{
    GuestAccess access;
    data.at("job").get_to(access.job_id);
    data.at("batch_system").get_to(access.batch_system);
    access.user = read_user(data.at("user"));
    data.at("address").get_to(access.address);
    data.at("port").get_to(access.port);
    data.at("host_alias").get_to(access.host_alias);
    data.at("environment").get_to(access.environment);
    access.connect = std::chrono::milliseconds(data.at("connect_ms").get<std::int64_t>());
    if (data.contains("refused")) access.refused = data.at("refused").get<std::string>();
    return access;
}

} // namespace

void write_access(const fs::path& user_directory, const GuestAccess& access)
{
    json data = {{"schema", 1},
                 {"job", access.job_id},
                 {"batch_system", access.batch_system},
                 {"user", user_json(access.user)},
                 {"address", access.address},
                 {"port", access.port},
                 {"host_alias", access.host_alias},
                 {"environment", access.environment},
                 {"connect_ms", access.connect.count()}};
    if (access.refused) data["refused"] = *access.refused;
    ctx::write_file(user_directory / file_name, data.dump(), 0644);
}

std::optional<GuestAccess> read_access(const fs::path& user_directory)
{
    const fs::path path = user_directory / file_name;
    const ctx::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
        if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return std::nullopt;
        throw ctx::system_error("cannot read how to reach the guest", path.string(), errno);
    }
    struct stat info{};
    if (::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode) || info.st_uid != 0 ||
        (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw Error(Blame::node, "not written by the prologue")
            .at(path.string())
            .mend("submit the job again");
    try {
        return parse(json::parse(ctx::read_file("/proc/self/fd/" + std::to_string(file.get()), limit)));
    } catch (const json::exception& error) {
        throw Error(Blame::node, "damaged")
            .at(path.string())
            .because(error.what())
            .mend("submit the job again");
    }
}

} // namespace runner
