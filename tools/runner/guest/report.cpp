#include "report.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/fd.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace runner {

namespace {

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

// Those of setup_script.cpp, in libctx/dialects.
bool is_stage(const std::string& text)
{
    constexpr std::array<std::string_view, 7> known = {"begun", "share",    "mounts",  "accounts",
                                                       "files", "services", "commands"};
    return std::ranges::find(known, text) != known.end();
}

std::vector<std::string> known_stages(const std::string& list)
{
    std::vector<std::string> stages;
    for (std::string& stage : ctx::split(list, ',')) {
        if (is_stage(stage) && std::ranges::find(stages, stage) == stages.end())
            stages.push_back(std::move(stage));
    }
    return stages;
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
        if (key == "stages") report.stages = known_stages(value);
    }
    if (report.stage == "failed" || is_stage(report.stage)) return report;
    const bool sound = report.stage == "ready" && is_address(report.address) && is_boot_id(report.boot_id) &&
                       ctx::is_host_name(report.hostname);
    return sound ? std::optional(report) : std::nullopt;
}

std::optional<GuestReport> report_with(std::string_view text, const std::string& nonce)
{
    auto report = parse_report(text);
    if (!report || report->nonce != nonce) return std::nullopt;
    return report;
}

std::optional<GuestReport> read_shared_report(const std::filesystem::path& directory,
                                              const std::string& nonce)
{
    const ctx::Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) return std::nullopt; // its server may have a moment of weakness
    const ctx::Fd file(::openat(opened.get(), "ready", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    std::array<char, report_limit + 1> buffer{};
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count <= 0 || static_cast<std::size_t>(count) > report_limit) return std::nullopt;
    return report_with({buffer.data(), static_cast<std::size_t>(count)}, nonce);
}

} // namespace runner
