// The one error type of the project.
//
// An error says what failed, where (path, URL, job), why (errno, a library's words), who can mend it and how.
// Whoever catches one on its way up may add what was being done (`while_doing`), never replace what is there.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctx {

// Who can mend it: who asked, this host's administrator, or whoever runs a server we talk to.
enum class Blame { user, node, remote };

std::string_view to_string(Blame blame);

class Error : public std::exception {
public:
    Error(Blame blame, std::string problem);

    // Each returns the error itself, to be chained at the throw.
    Error&& at(std::string place) &&;    // the file, address or job it is about
    Error&& because(std::string why) &&; // errno's text, a library's message
    Error&& mend(std::string remedy) &&; // what the reader can do now
    Error&& as_timeout() &&;             // a deadline passed

    // What was being done when it came by; innermost first.
    void add_context(std::string step);

    Blame blame() const noexcept { return blame_; }
    bool timed_out() const noexcept { return timed_out_; }
    const std::string& problem() const noexcept { return problem_; }
    const std::string& place() const noexcept { return place_; }
    const std::string& reason() const noexcept { return reason_; }
    const std::string& remedy() const noexcept { return remedy_; }
    const std::vector<std::string>& context() const noexcept { return context_; }

    // One line: problem, place and reason.
    const char* what() const noexcept override { return summary_.c_str(); }

    // All of it on one line, for logs and for programs whose stderr belongs to a job.
    std::string one_line() const;

    // For a person: the summary, the steps that led to it, who can mend it and how.
    std::string explain() const;

private:
    void summarize();

    Blame blame_;
    bool timed_out_ = false;
    std::string problem_;
    std::string place_;
    std::string reason_;
    std::string remedy_;
    std::vector<std::string> context_;
    std::string summary_;
};

// Exit codes of every command, and (plus 120) of `run` and remoteshell for failures of our own.
enum class ExitCode { done = 0, user = 1, usage = 2, node = 3, remote = 4, timed_out = 5 };

ExitCode exit_code(const Error& error);

// The text of an errno value, "No space left on device".
std::string errno_text(int error_number);

// An error of a system call: the node's to mend unless said otherwise.
Error system_error(std::string problem, std::string place, int error_number, Blame blame = Blame::node);

// Runs `work`; an Error leaving it learns what was being done.
template <class Work>
decltype(auto) while_doing(std::string_view step, Work&& work)
{
    try {
        return std::forward<Work>(work)();
    } catch (Error& error) {
        error.add_context(std::string(step));
        throw;
    }
}

} // namespace ctx
