#include "request.hpp"

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace remoteshell {

using ctx::Blame;
using ctx::Error;

namespace {

std::vector<std::string> all_but_first(const std::vector<std::string>& words)
{
    return {words.begin() + 1, words.end()};
}

bool is_parallel_task(const Call& call)
{
    const auto number = variable(call.environment, "PBS_TASKNUM");
    return number && *number != "1" && *number != "0";
}

// pbs_mom calls the files of scripts ID.SC.
bool is_script_file(const std::string& word)
{
    return word.starts_with('/') && word.ends_with(".SC");
}

} // namespace

std::optional<std::string> variable(const std::vector<std::string>& environment, std::string_view name)
{
    std::optional<std::string> found;
    for (const std::string& entry : environment) {
        if (!entry.starts_with(name) || entry.size() == name.size() || entry[name.size()] != '=') continue;
        const std::string value = entry.substr(name.size() + 1);
        if (found && *found != value)
            throw Error(Blame::user, "the environment has a variable twice")
                .at(std::string(name))
                .mend("submit the job without -v " + std::string(name));
        found = value;
    }
    return found;
}

Request torque_request(const Call& call)
{
    const auto& words = call.words;
    if (words.empty())
        throw Error(Blame::user, "there is nothing to run")
            .because("pbs_mom calls its job starter with a shell or a command")
            .mend("set $job_starter in mom's configuration to this program, nothing else");
    if (is_parallel_task(call)) return {.form = Form::command, .shell = {}, .script = {}, .command = words};
    if (words.size() == 1 && is_script_file(words[0]))
        return {.form = Form::script_argument, .shell = {}, .script = words[0], .command = {}};
    if (words.size() == 1 && call.input == Input::terminal)
        return {.form = Form::login_shell, .shell = words[0], .script = {}, .command = {}};
    if (words.size() == 1)
        return {.form = call.input == Input::regular_file ? Form::script_input : Form::script_line,
                .shell = words[0],
                .script = {},
                .command = {}};
    if (is_script_file(words[1]))
        return {.form = Form::script_argument,
                .shell = words[0],
                .script = words[1],
                .command = {words.begin() + 2, words.end()}};
    return {.form = Form::command, .shell = {}, .script = {}, .command = words};
}

Request slurm_request(const Call& call)
{
    const auto& words = call.words;
    if (words.empty()) return {.form = Form::login_shell, .shell = {}, .script = {}, .command = {}};
    // slurmd calls a batch job's script that; a step has a number.
    const bool batch = !variable(call.environment, "SLURM_STEP_ID") && words[0].starts_with('/') &&
                       words[0].ends_with("/slurm_script");
    if (batch)
        return {.form = Form::interpreter, .shell = {}, .script = words[0], .command = all_but_first(words)};
    return {.form = Form::command, .shell = {}, .script = {}, .command = words};
}

} // namespace remoteshell
