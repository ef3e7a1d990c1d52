#include "job_starter.hpp"

#include <sstream>

#include <sys/stat.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>

namespace torque {

using ctx::Blame;
using ctx::Error;

std::optional<std::string> job_starter(std::string_view config)
{
    std::optional<std::string> named;
    for (const std::string& line : ctx::split(config, '\n')) {
        std::istringstream words(line);
        std::string key;
        std::string value;
        if (words >> key >> value && key == "$job_starter") named = value;
    }
    return named;
}

void require_job_starter(const std::filesystem::path& mom_priv)
{
    constexpr std::size_t limit = 1 << 20;
    const std::filesystem::path config = mom_priv / "config";
    const auto starter = job_starter(ctx::read_file(config, limit));
    constexpr auto remedy = "add '$job_starter PREFIX/libexec/vmbatch/remoteshell' and restart pbs_mom";
    if (!starter)
        throw Error(Blame::node, "pbs_mom would run the job on the host")
            .at(config.string())
            .because("it names no $job_starter")
            .mend(remedy);
    struct stat info{};
    constexpr mode_t executable = S_IXUSR | S_IXGRP | S_IXOTH;
    if (::stat(starter->c_str(), &info) < 0 || !S_ISREG(info.st_mode) ||
        (info.st_mode & executable) != executable)
        throw Error(Blame::node, "pbs_mom would run the job on the host")
            .at(ctx::printable(*starter))
            .because("its $job_starter cannot be executed")
            .mend("install VmBatch again, or correct mom_priv/config and restart pbs_mom");
}

} // namespace torque
