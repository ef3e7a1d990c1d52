#include <cstring>

#include <fmt/format.h>

#include <ctx/base/error.hpp>

namespace ctx {

std::string_view to_string(Blame blame)
{
    switch (blame) {
    case Blame::user: return "user";
    case Blame::node: return "node";
    case Blame::remote: return "remote";
    }
    return "node";
}

namespace {

std::string_view who_can_mend(Blame blame)
{
    switch (blame) {
    case Blame::user: return "whoever asked for this";
    case Blame::node: return "the administrator of this host";
    case Blame::remote: return "the operator of the other end";
    }
    return "the administrator of this host";
}

} // namespace

Error::Error(Blame blame, std::string problem) : blame_(blame), problem_(std::move(problem))
{
    summarize();
}

Error&& Error::at(std::string place) &&
{
    place_ = std::move(place);
    summarize();
    return std::move(*this);
}

Error&& Error::because(std::string why) &&
{
    reason_ = std::move(why);
    summarize();
    return std::move(*this);
}

Error&& Error::mend(std::string remedy) &&
{
    remedy_ = std::move(remedy);
    return std::move(*this);
}

Error&& Error::as_timeout() &&
{
    timed_out_ = true;
    return std::move(*this);
}

void Error::add_context(std::string step)
{
    context_.push_back(std::move(step));
}

void Error::summarize()
{
    summary_ = problem_;
    if (!place_.empty()) summary_ += ": " + place_;
    if (!reason_.empty()) summary_ += ": " + reason_;
}

std::string Error::one_line() const
{
    std::string text = summary_;
    for (const std::string& step : context_) text += ", while " + step;
    text += fmt::format("; can be mended by {}", who_can_mend(blame_));
    if (!remedy_.empty()) text += ": " + remedy_;
    return text;
}

std::string Error::explain() const
{
    std::string text = summary_;
    for (const std::string& step : context_) text += "\n  while " + step;
    text += fmt::format("\n  can be mended by {}", who_can_mend(blame_));
    if (!remedy_.empty()) text += ": " + remedy_;
    return text;
}

ExitCode exit_code(const Error& error)
{
    if (error.timed_out()) return ExitCode::timed_out;
    switch (error.blame()) {
    case Blame::user: return ExitCode::user;
    case Blame::node: return ExitCode::node;
    case Blame::remote: return ExitCode::remote;
    }
    return ExitCode::node;
}

std::string errno_text(int error_number)
{
    return std::strerror(error_number);
}

Error system_error(std::string problem, std::string place, int error_number, Blame blame)
{
    return Error(blame, std::move(problem)).at(std::move(place)).because(errno_text(error_number));
}

} // namespace ctx
