#include "progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <map>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/text.hpp>

void add_progress_option(CLI::App& command, ProgressMode& mode)
{
    static const std::map<std::string, ProgressMode> modes = {{"auto", ProgressMode::automatic},
                                                              {"bar", ProgressMode::bar},
                                                              {"log", ProgressMode::log},
                                                              {"json", ProgressMode::json},
                                                              {"none", ProgressMode::none}};
    command
        .add_option_function<std::string>(
            "--progress", [&mode](const std::string& name) { mode = modes.at(name); },
            "On stderr: a bar, a line every ten seconds, JSON events, or none; auto: bar or lines")
        ->check(CLI::IsMember(modes))
        ->option_text("auto|bar|log|json|none");
}

ProgressReport::ProgressReport(std::string what, ProgressMode mode) : what_(std::move(what)), mode_(mode)
{
    if (mode_ == ProgressMode::automatic)
        mode_ = ::isatty(STDERR_FILENO) == 1 ? ProgressMode::bar : ProgressMode::log;
}

ProgressReport::~ProgressReport()
{
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressReport::update(std::string_view stage, std::uint64_t done, std::uint64_t total)
{
    if (mode_ == ProgressMode::none) return;
    const auto now = std::chrono::steady_clock::now();
    if (stage != stage_) {
        stage_ = stage;
        stage_began_ = now;
    }
    const double seconds = std::chrono::duration<double>(now - stage_began_).count();
    if (mode_ == ProgressMode::json) {
        tell(seconds, done, total);
    } else if (mode_ == ProgressMode::log) {
        write_line(now, seconds, done, total);
    } else {
        draw(seconds, done, total);
        drawn_ = true;
    }
}

namespace {

std::size_t terminal_width()
{
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double rate_of(double seconds, std::uint64_t done)
{
    return seconds > 0 ? static_cast<double>(done) / seconds : 0;
}

std::string time_left(double rate, std::uint64_t rest)
{
    if (rate <= 0) return "";
    const auto seconds = static_cast<std::uint64_t>(std::ceil(static_cast<double>(rest) / rate));
    if (seconds >= 360000) return "";
    if (seconds >= 3600)
        return fmt::format("{}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return fmt::format("{}:{:02} left", seconds / 60, seconds % 60);
}

} // namespace

namespace {

// "93%  558.2 MiB of 593.8 MiB  88.1 MiB/s  0:01 left", as far as it is known.
std::string numbers_of(double rate, std::uint64_t done, std::uint64_t total)
{
    const std::string speed = human_size(static_cast<std::uint64_t>(rate));
    if (total == 0) return fmt::format(" {}  {}/s", human_size(done), speed);
    const double part = static_cast<double>(done) / static_cast<double>(total);
    return fmt::format(" {:3.0f}%  {} of {}  {}/s  {}", part * 100, human_size(done), human_size(total),
                       speed, time_left(rate, total - std::min(done, total)));
}

constexpr std::size_t least_bar = 8;

// The last part of a path or an address, so short that numbers and a bar fit beside it on 80 columns.
std::string short_name(const std::string& what, std::size_t width, std::size_t numbers)
{
    const std::size_t slash = what.find_last_of('/');
    const bool has_name = slash != std::string::npos && slash + 1 < what.size();
    const std::string name = ctx::printable(has_name ? what.substr(slash + 1) : what);
    constexpr std::size_t least = 8;
    const std::size_t others = numbers + least_bar + 2 + std::string_view("convert  ").size();
    return name.substr(0, width > others + least ? width - others : least);
}

} // namespace

// Short work says nothing in a log.
void ProgressReport::write_line(std::chrono::steady_clock::time_point now, double seconds, std::uint64_t done,
                                std::uint64_t total)
{
    constexpr auto every = std::chrono::seconds(10);
    if (now - last_line_ < every) return;
    last_line_ = now;
    fmt::print(stderr, "{:%Y-%m-%d %H:%M:%S} {} {}{}\n", fmt::localtime(std::time(nullptr)), stage_,
               ctx::printable(what_), numbers_of(rate_of(seconds, done), done, total));
}

void ProgressReport::draw(double seconds, std::uint64_t done, std::uint64_t total) const
{
    const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
    const std::string numbers = numbers_of(rate_of(seconds, done), done, total);
    // One column stays free: a full line would make the terminal begin the next one.
    const std::size_t width = terminal_width() - 1;
    const std::string title = fmt::format("{} {} ", stage_, short_name(what_, width, numbers.size()));
    std::string bar;
    if (const std::size_t used = title.size() + numbers.size() + 2; used + least_bar <= width) {
        const std::size_t room = std::min<std::size_t>(width - used, 40);
        const auto filled = std::min(room, static_cast<std::size_t>(part * static_cast<double>(room)));
        bar = fmt::format("[{:<{}}]", std::string(filled, '#'), room);
    }
    const std::string line = (title + bar + numbers).substr(0, width);
    fmt::print(stderr, "\r{}\x1b[K", line);
}

void ProgressReport::tell(double seconds, std::uint64_t done, std::uint64_t total) const
{
    const nlohmann::json event = {
        {"schema", 1},        {"event", "progress"},
        {"what", what_},      {"stage", stage_},
        {"done", done},       {"total", total},
        {"seconds", seconds}, {"rate", static_cast<std::uint64_t>(rate_of(seconds, done))}};
    fmt::print(stderr, "{}\n", event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string human_size(std::uint64_t bytes)
{
    static constexpr std::array<const char*, 5> units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units.at(unit));
}
