#include "libvirt.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

namespace runner::qemu {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

namespace {

// By the exit codes of libvirt-helper.
Outcome outcome_of(const ctx::ExitStatus& status)
{
    if (status.success()) return Outcome::done;
    switch (status.code) {
    case 2: return Outcome::unreachable;
    case 3: return Outcome::wrong;
    case 4: return Outcome::guest_failed;
    default: return Outcome::refused;
    }
}

} // namespace

Libvirt::Libvirt(const HypervisorSettings& settings, std::filesystem::path helper,
                 const std::filesystem::path& host_dir)
    : settings_(settings), helper_(std::move(helper)), guard_({.daemon = "libvirtd",
                                                               .restart = settings.restart,
                                                               .at_most = settings.restart_at_most,
                                                               .host_dir = host_dir})
{
}

Reply Libvirt::call(const std::vector<std::string>& words, const Deadline& deadline,
                    const std::string& input) const
{
    ctx::ProcessSpec spec{.argv = {helper_.string(), settings_.uri},
                          .environment = {},
                          .run_as = {},
                          .own_session = true,
                          .blocked_signals = {}};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    try {
        ctx::ProcessResult result = ctx::run(spec, deadline, input);
        const Outcome outcome = outcome_of(result.status);
        if (outcome == Outcome::done) return {outcome, std::move(result.output)};
        return {outcome, ctx::printable(result.error_output, 400)};
    } catch (const Error& error) {
        if (!error.timed_out()) throw;
        return {Outcome::hung, "'" + words.front() + "' did not return in time"};
    }
}

Deadline Libvirt::call_limit(const Deadline& deadline) const
{
    if (!can_mend()) return deadline;
    // Time is kept for mending, even of a short deadline.
    return Deadline::earlier(deadline, Deadline::in(std::min(settings_.patience, deadline.left() / 2)));
}

Error Libvirt::error(const Reply& reply, const std::string& verb) const
{
    switch (reply.outcome) {
    case Outcome::hung:
        return Error(Blame::node, "libvirt does not answer")
            .at(settings_.uri)
            .because(reply.text)
            .mend("look at libvirtd's log and restart libvirtd")
            .as_timeout();
    case Outcome::unreachable:
        return Error(Blame::node, "libvirt cannot be reached")
            .at(settings_.uri)
            .because(reply.text)
            .mend("start libvirtd");
    default:
        return Error(Blame::node, "libvirt refused '" + verb + "'")
            .at(settings_.uri)
            .because(reply.text)
            .mend("libvirtd's log says more; the profile's template may not suit this host");
    }
}

std::string Libvirt::ask(const std::vector<std::string>& words, const Deadline& deadline)
{
    constexpr int tries = 3;
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t seen = restarts();
        Reply reply = call(words, call_limit(deadline));
        if (reply.outcome == Outcome::done) return std::move(reply.text);
        const bool silent = reply.outcome == Outcome::hung || reply.outcome == Outcome::unreachable;
        if (!silent || !can_mend() || attempt == tries) throw error(reply, words.front());
        mend(reply, seen, deadline);
    }
}

bool Libvirt::answers(const Deadline& deadline) const
{
    return call({"ping"}, deadline).outcome == Outcome::done;
}

void Libvirt::mend(const Reply& reply, std::uint64_t seen, const Deadline& deadline)
{
    const bool refused = reply.outcome == Outcome::refused;
    const DaemonSigns signs = {
        .is_ill = [&](const Deadline& limit) { return refused || !answers(call_limit(limit)); },
        .answers = [&](const Deadline& limit) { return answers(limit); }};
    guard_.mend(seen, reply.text, signs, deadline);
}

// libvirtd holds a lock on its pid file: whoever does is it, whatever an old file says.
std::uint64_t Libvirt::resident_memory() const
{
    const ctx::Fd file(::open(settings_.pid_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return 0;
    struct flock held{};
    held.l_type = F_RDLCK;
    held.l_whence = SEEK_SET;
    if (::fcntl(file.get(), F_GETLK, &held) < 0 || held.l_type == F_UNLCK || held.l_pid <= 0) return 0;
    try {
        std::istringstream sizes(ctx::read_file(fmt::format("/proc/{}/statm", held.l_pid), 4096));
        std::uint64_t size = 0;
        std::uint64_t resident = 0;
        if (!(sizes >> size >> resident)) return 0;
        return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    } catch (const Error&) {
        return 0; // it ended
    }
}

void Libvirt::limit_memory(const Deadline& deadline)
{
    if (settings_.memory_limit == 0 || !can_mend()) return;
    const auto too_big = [&] { return resident_memory() > settings_.memory_limit; };
    const std::uint64_t seen = restarts();
    if (!too_big()) return;
    const DaemonSigns signs = {.is_ill = [&](const Deadline&) { return too_big(); },
                               .answers = [&](const Deadline& limit) { return answers(limit); }};
    try {
        guard_.mend(seen,
                    fmt::format("it has {} of memory, hypervisor.memory_limit is {}",
                                ctx::format_size(resident_memory()),
                                ctx::format_size(settings_.memory_limit)),
                    signs, deadline);
    } catch (const Error&) {
        if (!answers(call_limit(deadline))) throw;
    }
}

} // namespace runner::qemu
