// What a batch system asks of its job starter, by the ways in which each of them calls one. Pure.
//
// Torque (pbs_mom executes `$job_starter SHELL …` as the leader of the job's session):
//   batch         SHELL, and on a pipe one line: the path of the script and its arguments, for SHELL to read
//   interactive   SHELL, on a terminal
//   task          COMMAND ARG…, PBS_TASKNUM above 1 (pbsdsh, mpirun)
//   built with --disable-shell-pipe: SHELL, and the script itself as standard input
//   built with --enable-shell-use-argv: SHELL, and the path of the script as an argument
// Slurm:
//   batch         the interpreter of the script by its first line: SCRIPT ARG…
//   step          `srun … remoteshell [COMMAND ARG…]`, with --pty on a terminal
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remoteshell {

enum class Input { terminal, regular_file, other };

struct Call {
    std::vector<std::string> words;       // behind our own name
    std::vector<std::string> environment; // NAME=VALUE
    Input input = Input::other;
};

enum class Form {
    script_line,     // `shell` reads a line that names the script
    script_input,    // `shell` reads the script
    script_argument, // `shell` is given `script`
    interpreter,     // `script` is run by its own next #! line
    command,         // `command`
    login_shell,     // `shell`, or the account's own if it is empty
};

struct Request {
    Form form = Form::login_shell;
    std::string shell;
    std::string script;               // its path on the host
    std::vector<std::string> command; // of a command, or the arguments of a script
};

// The value of a variable, if the environment has one. Throws Error (user) if it has two that differ: whoever
// is to be deceived by that is not us.
std::optional<std::string> variable(const std::vector<std::string>& environment, std::string_view name);

// Throws Error (user) for a call that is none of these.
Request torque_request(const Call& call);
Request slurm_request(const Call& call);

} // namespace remoteshell
