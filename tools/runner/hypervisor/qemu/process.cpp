#include "process.hpp"

#include <charconv>
#include <csignal>

#include <dirent.h>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>

extern "C" { // glibc 2.36's header forgets to say so
#include <sys/pidfd.h>
}

namespace runner::qemu {

namespace fs = std::filesystem;
using ctx::Error;

namespace {

constexpr std::size_t command_line_limit = 1 << 20;

// Nothing for kernel threads, the dead, and what ended while we looked.
std::optional<QemuProcess> look_at(pid_t pid, const fs::path& state_dir)
try {
    auto found = read_command_line(ctx::read_file(fmt::format("/proc/{}/cmdline", pid), command_line_limit),
                                   state_dir);
    if (found) found->pid = pid;
    return found;
} catch (const Error&) {
    return std::nullopt;
}

// "guest=vmbatch-1,debug-threads=on" → "vmbatch-1"
std::string name_in(std::string_view word)
{
    constexpr std::string_view key = "guest=";
    if (!word.starts_with(key)) return std::string(word.substr(0, word.find(',')));
    word.remove_prefix(key.size());
    return std::string(word.substr(0, word.find(',')));
}

// The job whose directory holds a file of this word: {"driver":"file","filename":"STATE/jobs/ID/disk/…"}
std::string job_in(std::string_view word, const std::string& jobs)
{
    const std::size_t at = word.find("\"" + jobs);
    if (at == std::string_view::npos) return "";
    word.remove_prefix(at + 1 + jobs.size());
    const std::size_t end = word.find('/');
    return end == std::string_view::npos || !word.substr(end).starts_with("/disk/")
               ? ""
               : std::string(word.substr(0, end));
}

} // namespace

std::optional<QemuProcess> read_command_line(std::string_view command_line, const fs::path& state_dir)
{
    const std::vector<std::string> words = ctx::split(command_line, '\0');
    const std::string jobs = (state_dir / "jobs").string() + "/";
    QemuProcess result;
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
        if (words[i] == "-uuid") result.uuid = words[i + 1];
        if (words[i] == "-name") result.name = name_in(words[i + 1]);
        if (words[i] != "-blockdev") continue;
        if (std::string job = job_in(words[i + 1], jobs); !job.empty()) result.job_id = std::move(job);
    }
    return result.uuid.empty() ? std::nullopt : std::optional(result);
}

std::vector<QemuProcess> qemu_processes(const fs::path& state_dir)
{
    std::vector<QemuProcess> result;
    std::error_code ignored; // processes come and go
    for (fs::directory_iterator entry("/proc", ignored), end; entry != end; entry.increment(ignored)) {
        const std::string name = entry->path().filename().string();
        pid_t pid = 0;
        const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || rest != name.data() + name.size()) continue;
        if (auto found = look_at(pid, state_dir)) result.push_back(*std::move(found));
    }
    return result;
}

bool has_process(const std::string& uuid, pid_t& known)
{
    if (known > 0) {
        const auto same = look_at(known, {});
        if (same && same->uuid == uuid) return true;
    }
    known = 0;
    for (const QemuProcess& process : qemu_processes({})) {
        if (process.uuid == uuid) known = process.pid;
    }
    return known > 0;
}

bool end_process(const std::string& uuid, const ctx::Deadline& deadline)
{
    bool found = false;
    for (const QemuProcess& process : qemu_processes({})) {
        if (process.uuid != uuid) continue;
        const ctx::Fd held(::pidfd_open(process.pid, 0));
        // Looked at again now that it is held: its number cannot become another's any more.
        const auto same = look_at(process.pid, {});
        if (!held || !same || same->uuid != uuid) continue;
        found = true;
        ::pidfd_send_signal(held.get(), SIGKILL, nullptr, 0);
        pollfd ended = {.fd = held.get(), .events = POLLIN, .revents = 0};
        if (::poll(&ended, 1, static_cast<int>(deadline.left().count())) <= 0)
            throw Error(ctx::Blame::node, "a guest's process does not end")
                .at(fmt::format("process {}, {}", process.pid, process.name))
                .because("it was killed, and waits for a device or a file system")
                .mend("see whether the disks it uses answer")
                .as_timeout();
    }
    return found;
}

} // namespace runner::qemu
