#include "accel.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>

namespace runner::qemu {

namespace fs = std::filesystem;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;
using nlohmann::json;

namespace {

constexpr int schema = 1;
constexpr std::size_t memory_limit = 65536;

// A probe that only ran out of time may have met a busy hour: it is made again, though not for every job.
constexpr std::int64_t doubt_after = 3600; // seconds

std::int64_t now()
{
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Why there is nothing to probe. Not remembered: it costs a system call, and differs from user to user.
std::optional<std::string> obstacle(const fs::path& device)
{
    struct stat info{};
    if (::stat(device.c_str(), &info) < 0)
        return fmt::format("{}: {}", device.string(), ctx::errno_text(errno));
    if (!S_ISCHR(info.st_mode)) return fmt::format("{} is no device", device.string());
    const ctx::Fd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return fmt::format("{}: {}", device.string(), ctx::errno_text(errno));
    return std::nullopt;
}

// ---- what a verdict depends on ----

std::string stamp(const fs::path& file)
{
    struct stat info{};
    if (::stat(file.c_str(), &info) < 0) return file.string() + " missing";
    return fmt::format("{} {} {}.{:09}", file.string(), info.st_size, info.st_mtim.tv_sec,
                       info.st_mtim.tv_nsec);
}

std::string device_number(const fs::path& device)
{
    struct stat info{};
    if (::stat(device.c_str(), &info) < 0) return "missing";
    return fmt::format("{}:{}", major(info.st_rdev), minor(info.st_rdev));
}

std::string kernel_release()
{
    utsname names{};
    ::uname(&names);
    return static_cast<const char*>(names.release);
}

// Model and microcode of the first processor.
std::string processor()
{
    std::ifstream in("/proc/cpuinfo");
    std::vector<std::string> parts;
    for (std::string line; std::getline(in, line) && !line.empty();) {
        if (!line.starts_with("model name") && !line.starts_with("microcode")) continue;
        parts.push_back(line.substr(std::min(line.size(), line.find(':') + 2)));
    }
    return ctx::join(parts, ", microcode ");
}

// Which back end serves /dev/kvm: kvm_intel, kvm_amd, or another, of the same kernel.
std::string modules()
{
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry("/sys/module", error), end; !error && entry != end;
         entry.increment(error))
        if (std::string name = entry->path().filename().string(); name.starts_with("kvm"))
            names.push_back(std::move(name));
    std::ranges::sort(names);
    return ctx::join(names, " ");
}

json host_key(const AccelOptions& options)
{
    return {{"kernel", kernel_release()},
            {"modules", modules()},
            {"processor", processor()},
            {"device", device_number(options.device)},
            {"emulator", stamp(options.emulator)},
            {"probe", stamp(options.probe_image)},
            {"user", options.run_as ? static_cast<std::int64_t>(options.run_as->uid) : -1}};
}

// ---- the memory ----

struct Verdict {
    Probe probe;
    bool remembered = false;
    std::string trouble; // why it could not be remembered
};

class Memory {
public:
    Memory(const AccelOptions& options, bool insist)
        : file_(options.memory_file), key_(host_key(options)), started_(now()), insist_(insist)
    {
    }

    // Nothing if it was never probed, under other circumstances, or the file makes no sense.
    std::optional<Probe> recall() const
    try {
        const json memory = json::parse(ctx::read_file(file_, memory_limit));
        if (memory.at("schema") != schema || memory.at("key") != key_) return std::nullopt;
        Probe probe{.passed = memory.at("usable").get<bool>(),
                    .in_time = memory.at("in_time").get<bool>(),
                    .finding = memory.at("finding").get<std::string>()};
        const auto made = memory.at("probed").get<std::int64_t>();
        if (made > now() || !still_holds(probe, made)) return std::nullopt;
        return probe;
    } catch (const json::exception&) {
        return std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }

    // Held by whoever probes. Not to be had when the directory cannot be written or another takes too long:
    // then it is probed without, which costs time and nothing else.
    ctx::Fd lock(const Deadline& deadline) const
    try {
        std::error_code ignored;
        fs::create_directories(file_.parent_path(), ignored); // failing shows in the next line
        ctx::Fd fd = ctx::open_file(file_.string() + ".lock", O_RDWR | O_CREAT | O_NOFOLLOW);
        while (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
            if (deadline.passed() || (errno != EWOULDBLOCK && errno != EINTR)) return {};
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return fd;
    } catch (const Error&) {
        return {};
    }

    // Returns why it could not, or nothing.
    std::string remember(const Probe& probe) const
    try {
        const json memory = {{"schema", schema},         {"key", key_},
                             {"usable", probe.passed},   {"in_time", probe.in_time},
                             {"finding", probe.finding}, {"probed", now()}};
        ctx::write_file(file_, memory.dump(2, ' ', false, json::error_handler_t::replace) + "\n", 0644);
        return {};
    } catch (const Error& error) {
        return error.what();
    }

private:
    // A "no" is believed less long where KVM was asked for by name: who repairs a host wants to see it work.
    bool still_holds(const Probe& probe, std::int64_t made) const
    {
        if (probe.passed) return true;
        if (insist_) return made >= started_;
        return probe.in_time || made >= started_ - doubt_after;
    }

    fs::path file_;
    json key_;
    std::int64_t started_;
    bool insist_;
};

Verdict find_out(const AccelOptions& options, bool insist)
{
    const Memory memory(options, insist);
    if (std::optional<Probe> known = memory.recall())
        return {.probe = std::move(*known), .remembered = true, .trouble = {}};
    const ctx::Fd lock = memory.lock(Deadline::in(2 * options.probe_deadline));
    // Many jobs can start at once on a new host: all but the first find the verdict here.
    if (std::optional<Probe> known = memory.recall())
        return {.probe = std::move(*known), .remembered = true, .trouble = {}};
    Probe probe = probe_accel(Accel::kvm, options);
    std::string trouble = memory.remember(probe);
    return {.probe = std::move(probe), .remembered = false, .trouble = std::move(trouble)};
}

std::string with_trouble(std::string reason, const std::string& trouble)
{
    return trouble.empty() ? reason : std::move(reason) + " (cannot be remembered: " + trouble + ")";
}

Error unusable(const AccelOptions& options, std::string why)
{
    return Error(Blame::node, "KVM cannot run guests on this host")
        .at(options.device.string())
        .because(std::move(why))
        .mend("set hypervisor.accel to \"auto\" or \"tcg\", or make KVM work: virtualization enabled in the "
              "firmware (or nested virtualization, if this host is a virtual machine itself), kvm_intel or "
              "kvm_amd loaded, the device open to QEMU's user");
}

} // namespace

std::string_view to_string(Accel accel)
{
    return accel == Accel::kvm ? "kvm" : "tcg";
}

AccelChoice choose_accel(const AccelOptions& options)
{
    if (options.setting == "tcg")
        return {.accel = Accel::tcg, .reason = "emulation, as hypervisor.accel asks for"};
    if (options.setting != "auto" && options.setting != "kvm")
        throw Error(Blame::node, "hypervisor.accel is none of auto, kvm, tcg")
            .because("it is \"" + ctx::printable(options.setting) + "\"")
            .mend("correct it in the configuration");
    const bool insist = options.setting == "kvm";

    if (std::optional<std::string> why = obstacle(options.device)) {
        if (insist) throw unusable(options, std::move(*why));
        return {.accel = Accel::tcg, .reason = "emulation: no hardware virtualization, " + *why};
    }
    Verdict verdict = find_out(options, insist);
    if (verdict.probe.passed)
        return {.accel = Accel::kvm,
                .reason = with_trouble("KVM: " + verdict.probe.finding, verdict.trouble),
                .remembered = verdict.remembered};
    if (insist) throw unusable(options, std::move(verdict.probe.finding));
    return {.accel = Accel::tcg,
            .reason = with_trouble(fmt::format("emulation: {} is there but cannot run a guest, {}",
                                               options.device.string(), verdict.probe.finding),
                                   verdict.trouble),
            .remembered = verdict.remembered};
}

} // namespace runner::qemu
