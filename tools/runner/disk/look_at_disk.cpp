#include "look_at_disk.hpp"

#include <optional>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/process.hpp>
#include <ctx/storage_daemon.hpp>

namespace runner {

using ctx::Blame;
using ctx::Error;
using nlohmann::json;

namespace {

constexpr uid_t nobody = 65534;

// Its error as it was thrown there.
Error error_of(const json& said)
{
    const std::string blame = said.value("blame", "user");
    Error error(blame == "node" ? Blame::node : Blame::user,
                said.value("problem", "the disk cannot be read"));
    for (const std::string& step : said.value("context", std::vector<std::string>{})) error.add_context(step);
    return std::move(error)
        .at(said.value("place", ""))
        .because(said.value("reason", ""))
        .mend(said.value("remedy", ""));
}

// The helper is ours, but it has read what a stranger wrote: what it says is looked at.
json answer_of(const ctx::ProcessResult& result)
{
    const json said = json::parse(result.output, nullptr, false);
    if (result.status.code == 0 && result.status.signal == 0 && said.is_object()) return said;
    if (result.status.code == 1 && said.is_object() && said.contains("error") && said["error"].is_object()) {
        try {
            throw error_of(said["error"]);
        } catch (const json::exception&) { // NOLINT(bugprone-empty-catch): said below
        }
    }
    throw Error(Blame::user, "the disk cannot be read")
        .because("what reads it was ended by it")
        .mend("its file systems are damaged, or made to harm: get the image again");
}

} // namespace

json look_at_disk(const std::filesystem::path& image, image_cache::Format format, const InstallPaths& paths,
                  const ctx::Deadline& deadline)
{
    std::optional<ctx::StorageDaemon> daemon;
    ctx::Fd input;
    const bool is_raw = format == image_cache::Format::raw;
    if (is_raw) {
        input = ctx::open_file(image, O_RDONLY);
    } else {
        daemon.emplace(ctx::ImageFile{.path = image, .format = ctx::ImageFile::Format::qcow2});
        input = daemon->take_connection();
    }
    ctx::ProcessSpec helper{.argv = {(paths.libexec / "disk-helper").string(), is_raw ? "raw" : "nbd"},
                            .standard_input = input.get(),
                            .own_session = true};
    if (::geteuid() == 0) helper.run_as = ctx::Credentials{.uid = nobody, .gid = nobody, .groups = {}};
    try {
        const ctx::ProcessResult result = ctx::run(helper, deadline);
        return answer_of(result);
    } catch (const Error& error) {
        // The daemon knows better why it did not serve.
        if (daemon && error.blame() == Blame::node && !error.timed_out()) {
            input = ctx::Fd();
            daemon->finish(deadline);
        }
        throw;
    }
}

} // namespace runner
