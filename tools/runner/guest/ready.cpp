#include "ready.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

constexpr std::size_t report_limit = 4096;

bool is_address(const std::string& text)
{
    in6_addr buffer{};
    return ::inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

bool is_boot_id(const std::string& text)
{
    constexpr std::size_t uuid_length = 36;
    return text.size() == uuid_length && text.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

// The file's text if it is one a guest may have written: a small regular file, reached without following
// links, read without waiting (it could be a FIFO).
std::optional<std::string> read_report(int directory)
{
    const ctx::Fd file(::openat(directory, "ready", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    std::array<char, report_limit + 1> buffer{};
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count <= 0 || static_cast<std::size_t>(count) > report_limit) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(count));
}

std::optional<GuestReport> report_of(int directory, const std::string& nonce)
{
    const auto text = read_report(directory);
    if (!text) return std::nullopt;
    auto report = parse_report(*text);
    if (!report || report->nonce != nonce) return std::nullopt;
    return report;
}

Error not_contextualized(std::string why)
{
    return Error(Blame::node, "the guest could not be contextualized")
        .because(std::move(why))
        .mend("see whether the image, the profile and the servers it names are right");
}

std::string console_note(const std::filesystem::path& console)
{
    const std::string end = console_end(console);
    return end.empty() ? "its console is empty" : "its console ends with: " + end;
}

} // namespace

std::optional<GuestReport> parse_report(std::string_view text)
{
    GuestReport report;
    for (const std::string& line : ctx::split(text, '\n')) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) continue;
        const std::string key = line.substr(0, equals);
        const std::string value = line.substr(equals + 1);
        if (key == "nonce") report.nonce = value;
        if (key == "stage") report.stage = value;
        if (key == "address") report.address = value;
        if (key == "boot_id") report.boot_id = value;
        if (key == "hostname") report.hostname = value;
        if (key == "reason") report.reason = ctx::printable(value, 300);
    }
    if (report.stage == "failed") return report;
    const bool sound = report.stage == "ready" && is_address(report.address) && is_boot_id(report.boot_id) &&
                       ctx::is_host_name(report.hostname);
    return sound ? std::optional(report) : std::nullopt;
}

GuestReport wait_ready(const ReadyWait& wait, const ctx::Deadline& deadline, Interruption& interruption)
{
    const ctx::Fd directory = ctx::open_file(wait.share_directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    auto next_look = ctx::Deadline::in(2s);
    for (;;) {
        if (const auto report = report_of(directory.get(), wait.nonce)) {
            if (report->stage == "ready") return *report;
            throw not_contextualized(report->reason);
        }
        if (deadline.passed())
            throw Error(Blame::node, "the guest did not become ready in time")
                .because(console_note(wait.console))
                .mend("look at the console; a slow host needs a longer deadlines.ready")
                .as_timeout();
        if (next_look.passed()) {
            if (const auto failure = console_failure(wait.console)) throw not_contextualized(*failure);
            if (!wait.guest_runs())
                throw Error(Blame::node, "the guest ended before it was ready")
                    .because(console_note(wait.console))
                    .mend("see whether the image boots, and what the hypervisor's log says");
            next_look = ctx::Deadline::in(2s);
        }
        pollfd stop = {.fd = interruption.fd(), .events = POLLIN, .revents = 0};
        ::poll(&stop, 1, static_cast<int>(std::min(deadline.left(), 100ms).count()));
        interruption.check();
    }
}

namespace {

std::string console_tail(const std::filesystem::path& console)
{
    constexpr off_t tail = 4096;
    const ctx::Fd file(::open(console.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0) return "";
    std::array<char, static_cast<std::size_t>(tail)> buffer{};
    const ssize_t count =
        ::pread(file.get(), buffer.data(), buffer.size(), std::max<off_t>(0, info.st_size - tail));
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

} // namespace

std::optional<std::string> console_failure(const std::filesystem::path& console)
{
    constexpr std::string_view mark = "vmbatch: failed: ";
    const std::string tail = console_tail(console);
    const std::size_t at = tail.find(mark);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t begin = at + mark.size();
    const std::size_t end = tail.find_first_of("\r\n", begin);
    if (end == std::string::npos) return std::nullopt; // still being written
    return ctx::printable(std::string_view(tail).substr(begin, end - begin), 300);
}

std::string console_end(const std::filesystem::path& console)
{
    std::vector<std::string> lines;
    for (std::string& line : ctx::split(console_tail(console), '\n')) {
        std::erase(line, '\r');
        if (!line.empty()) lines.push_back(ctx::printable(line, 120));
    }
    constexpr std::size_t quoted = 3;
    if (lines.size() > quoted) lines.erase(lines.begin(), lines.end() - quoted);
    return ctx::join(lines, " | ");
}

} // namespace runner
