#include "convert.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/inspect.hpp>

#include "../copy.hpp"
#include "../lock.hpp"
#include "foreign_disk.hpp"

namespace image_cache {

using ctx::Blame;

namespace {

constexpr std::uint64_t program_memory = std::uint64_t{2} << 30;

std::string_view driver_of(Content content)
{
    switch (content) {
    case Content::vmdk: return "vmdk";
    case Content::vdi: return "vdi";
    case Content::vhd: return "vpc";
    default: return "vhdx";
    }
}

std::string head_of(const Incoming& incoming)
{
    std::string head(std::min<std::uint64_t>(incoming.size, inspected_head), '\0');
    read_exactly({.fd = incoming.file->fd(), .name = incoming.file->path().string()}, head.data(),
                 head.size(), 0, Blame::node);
    return head;
}

// Formats said in full, and no backing file whatever the disk says: qemu-img looks for nothing by itself.
std::string source_of(const Incoming& incoming)
{
    const nlohmann::json file = {
        {"driver", "file"}, {"filename", incoming.file->path().string()}, {"locking", "off"}};
    nlohmann::json disk = {{"driver", driver_of(incoming.content)}, {"file", file}, {"read-only", true}};
    if (incoming.content == Content::vmdk) disk["backing"] = nullptr;
    return "json:" + disk.dump();
}

// The host's fault or the disk's.
ctx::Error not_converted(const Incoming& from, const Temporary& to, const ctx::ProcessResult& result)
{
    const std::string what = "the disk cannot be made into qcow2";
    const std::string words = ctx::printable(result.error_output, 500);
    const bool is_full =
        words.find("No space left") != std::string::npos || words.find("quota exceeded") != std::string::npos;
    if (is_full)
        return ctx::Error(Blame::node, what)
            .at(to.path().parent_path().string())
            .because(words)
            .mend("make room: `vmbatch image prune --dry-run` shows what nobody needs");
    return ctx::Error(Blame::user, what)
        .because(result.status.signal != 0 ? fmt::format("qemu-img, reading it as {}, ended by signal {}",
                                                         to_string(from.content), result.status.signal)
                                           : words)
        .mend("see whether it is whole, and stands on no other disk");
}

void run_qemu_img(const Incoming& from, const Temporary& to, const PullRequest& request)
{
    ctx::Deadline deadline = ctx::Deadline::in(request.limits.program);
    if (request.deadline) deadline = ctx::Deadline::earlier(deadline, *request.deadline);
    const ctx::ProcessResult result =
        ctx::while_doing(fmt::format("converting a {} disk to qcow2", to_string(from.content)), [&] {
            return ctx::run(
                {.argv = {"/usr/bin/prlimit", fmt::format("--as={}", program_memory), "/usr/bin/qemu-img",
                          "convert", "-O", "qcow2", source_of(from), to.path().string()}},
                deadline);
        });
    if (!result.status.success()) throw not_converted(from, to, result);
}

} // namespace

std::optional<Incoming> converted(const Layout& layout, const Incoming& incoming, const PullRequest& request)
{
    if (request.format || !is_foreign_disk(incoming.content)) return std::nullopt;
    require_self_contained(incoming.content, head_of(incoming));
    if (request.progress) request.progress({.stage = "convert", .done = 0, .total = incoming.size});

    auto qcow2 = [&] {
        const CacheLock lock(layout);
        return std::make_unique<Temporary>(layout, lock);
    }();
    run_qemu_img(incoming, *qcow2, request);
    struct stat info{};
    if (::fstat(qcow2->fd(), &info) < 0)
        throw ctx::system_error("cannot read", qcow2->path().string(), errno);
    Incoming result{.file = std::move(qcow2), .digest = {}, .size = static_cast<std::uint64_t>(info.st_size)};
    result.digest = hash_file({.fd = result.file->fd(), .name = result.file->path().string()}, result.size,
                              request.progress);
    return result;
}

} // namespace image_cache
