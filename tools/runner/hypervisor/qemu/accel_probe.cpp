#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/text.hpp>

#include "accel.hpp"

namespace runner::qemu {

namespace {

// QEMU's exit codes for what the guest writes to isa-debug-exit, (value << 1) | 1. See probe.S.
constexpr int guest_passed = 85;
constexpr int guest_failed = 31;

// How often a QEMU that has not ended is asked whether KVM gave up on its guest.
constexpr std::chrono::milliseconds look_every(50);

// What a child writes, kept whatever becomes of the child; a pipe would have to be read all the time.
class Output {
public:
    Output() : fd_(::memfd_create("accel-probe", MFD_CLOEXEC))
    {
        if (!fd_) throw ctx::system_error("cannot keep a program's output", "", errno);
    }

    int fd() const { return fd_.get(); }

    std::vector<std::string> lines() const
    {
        std::array<char, 16384> text{};
        const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
        std::vector<std::string> result;
        for (std::string& line :
             ctx::split({text.data(), count > 0 ? static_cast<std::size_t>(count) : 0}, '\n'))
            if (!line.empty()) result.push_back(std::move(line));
        return result;
    }

private:
    ctx::Fd fd_;
};

std::vector<std::string> arguments(Accel accel, const AccelOptions& options)
{
    return {options.emulator.string(), "-accel", std::string(to_string(accel)),
            // What jobs get: all that this accelerator can give.
            "-cpu", accel == Accel::kvm ? "host" : "max", "-machine", "pc", "-smp", "1", "-m", "64",
            "-nodefaults", "-no-user-config", "-display", "none",
            // A triple fault ends QEMU instead of starting over.
            "-no-reboot", "-chardev", "stdio,id=console,signal=off", "-device",
            "isa-debugcon,iobase=0xe9,chardev=console", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
            "-kernel", options.probe_image.string()};
}

// QEMU stops the guest then and stays, as if a person would come and look.
bool kvm_gave_up(const Output& errors)
{
    return std::ranges::any_of(
        errors.lines(), [](const std::string& line) { return line.starts_with("KVM internal error"); });
}

std::string first_complaint(const Output& errors)
{
    for (const std::string& line : errors.lines())
        if (line.find("warning:") == std::string::npos) return ctx::printable(line);
    return "it said nothing";
}

// The last thing the guest said: the step it is in, or why it gave up.
std::string last_words(const Output& console)
{
    const std::vector<std::string> lines = console.lines();
    return lines.empty() ? "firmware" : ctx::printable(lines.back());
}

Probe judge(const std::optional<ctx::ExitStatus>& end, const Output& console, const Output& errors,
            std::chrono::milliseconds deadline)
{
    if (!end && kvm_gave_up(errors))
        return {.finding = fmt::format("KVM stopped the probe guest at '{}': {}", last_words(console),
                                       first_complaint(errors))};
    if (!end)
        return {.in_time = false,
                .finding = fmt::format("the probe guest was still at '{}' after {} ms", last_words(console),
                                       deadline.count())};
    if (end->signal != 0)
        return {.finding = fmt::format("QEMU died of signal {}: {}", end->signal, first_complaint(errors))};
    if (end->code == guest_passed) return {.passed = true, .finding = "the probe guest ran to its end"};
    if (end->code == guest_failed) return {.finding = "the probe guest " + last_words(console)};
    if (end->code == 0)
        return {.finding = fmt::format("the probe guest's processor shut down at '{}'", last_words(console))};
    return {.finding = fmt::format("QEMU ended with exit code {}: {}", end->code, first_complaint(errors))};
}

} // namespace

Probe probe_accel(Accel accel, const AccelOptions& options)
try {
    const Output console;
    const Output errors;
    const ctx::Deadline deadline = ctx::Deadline::in(options.probe_deadline);
    ctx::Process qemu({.argv = arguments(accel, options),
                       .run_as = options.run_as,
                       .standard_output = console.fd(),
                       .standard_error = errors.fd(),
                       .own_session = true});
    std::optional<ctx::ExitStatus> end;
    do end = qemu.wait(ctx::Deadline::earlier(deadline, ctx::Deadline::in(look_every)));
    while (!end && !deadline.passed() && !kvm_gave_up(errors));
    return judge(end, console, errors, options.probe_deadline);
    // One that has not ended is killed and reaped here: a QEMU that hangs in KVM still obeys SIGKILL.
} catch (const ctx::Error& error) {
    return {.finding = error.what()};
}

} // namespace runner::qemu
