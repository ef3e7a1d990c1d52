#include "check_archives.hpp"

#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using ctx::Blame;
using ctx::Error;

namespace {

constexpr uid_t nobody = 65534;

void check_archive(const std::filesystem::path& archive, const InstallPaths& paths,
                   const ctx::Deadline& deadline)
{
    const std::string place = fmt::format("archive '{}'", ctx::printable(archive.string()));
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    const ctx::Fd file(::open(archive.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) throw ctx::system_error("the archive cannot be read", place, errno, Blame::user);
    ctx::ProcessSpec helper{.argv = {(paths.libexec / "archive-helper").string()},
                            .standard_input = file.get(),
                            .own_session = true};
    if (::geteuid() == 0) helper.run_as = ctx::Credentials{.uid = nobody, .gid = nobody, .groups = {}};
    const ctx::ProcessResult result = ctx::run(helper, deadline);
    if (result.status.success()) return;
    const std::vector<std::string> said = ctx::split(result.output, '\n');
    if (result.status.code != 1 || said.size() < 2)
        throw Error(Blame::user, "the archive cannot be read")
            .at(place)
            .because("what reads it was ended by it")
            .mend("make it anew with tar");
    throw Error(Blame::user, said[0])
        .at(place)
        .because(said[1])
        .mend("make it anew with tar, from within the folder whose content it is to be");
}

} // namespace

void check_archives(const ctx::Context& context, const InstallPaths& paths, const ctx::Deadline& deadline)
{
    for (const ctx::Archive& archive : context.archives) check_archive(archive.source, paths, deadline);
}

} // namespace runner
