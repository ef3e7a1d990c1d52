#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>

#include "remoteshell/request.hpp"

using remoteshell::Form;
using remoteshell::Input;
using remoteshell::slurm_request;
using remoteshell::torque_request;
using Words = std::vector<std::string>;

TEST_CASE("Torque, batch: a shell, and a line on a pipe that names the script")
{
    const auto request = torque_request({.words = {"/bin/bash"}, .environment = {"PBS_TASKNUM=1"}});
    CHECK(request.form == Form::script_line);
    CHECK(request.shell == "/bin/bash");
}

TEST_CASE("Torque, interactive: a shell on a terminal")
{
    const auto request =
        torque_request({.words = {"/bin/tcsh"}, .environment = {}, .input = Input::terminal});
    CHECK(request.form == Form::login_shell);
    CHECK(request.shell == "/bin/tcsh");
}

TEST_CASE("Torque, task: a command with its arguments")
{
    const auto one = torque_request({.words = {"hostname"}, .environment = {"PBS_TASKNUM=2"}});
    CHECK(one.form == Form::command);
    CHECK(one.command == Words{"hostname"});
    const auto more = torque_request({.words = {"/bin/echo", "a b", ""}, .environment = {"PBS_TASKNUM=17"}});
    CHECK(more.command == Words{"/bin/echo", "a b", ""});
    // A task may have the name of a script, and a terminal in its place of input.
    CHECK(torque_request({.words = {"/x/1.SC"}, .environment = {"PBS_TASKNUM=2"}, .input = Input::terminal})
              .form == Form::command);
}

TEST_CASE("Torque built with --disable-shell-pipe: the script is the shell's input")
{
    const auto request =
        torque_request({.words = {"/bin/sh"}, .environment = {}, .input = Input::regular_file});
    CHECK(request.form == Form::script_input);
}

TEST_CASE("Torque built with --enable-shell-use-argv: the script is an argument")
{
    const auto request = torque_request(
        {.words = {"/bin/sh", "/var/spool/torque/mom_priv/jobs/69-2.host.SC"}, .environment = {}});
    CHECK(request.form == Form::script_argument);
    CHECK(request.shell == "/bin/sh");
    CHECK(request.script == "/var/spool/torque/mom_priv/jobs/69-2.host.SC");
    const auto alone =
        torque_request({.words = {"/var/spool/torque/mom_priv/jobs/69.host.SC"}, .environment = {}});
    CHECK(alone.form == Form::script_argument);
    CHECK(alone.shell.empty());
}

TEST_CASE("Torque with nothing to run is refused")
{
    CHECK_THROWS_AS(torque_request({}), ctx::Error);
}

TEST_CASE("Slurm, batch: the interpreter of a script, with its arguments")
{
    const auto request =
        slurm_request({.words = {"/var/spool/slurmd/job00007/slurm_script", "-x", ""}, .environment = {}});
    CHECK(request.form == Form::interpreter);
    CHECK(request.script == "/var/spool/slurmd/job00007/slurm_script");
    CHECK(request.command == Words{"-x", ""});
}

TEST_CASE("Slurm, steps: a command, or a login shell")
{
    CHECK(slurm_request({.words = {"hostname", "-f"}, .environment = {"SLURM_STEP_ID=0"}}).form ==
          Form::command);
    CHECK(slurm_request({.words = {"/tmp/slurm_script"}, .environment = {"SLURM_STEP_ID=0"}}).form ==
          Form::command);
    const auto shell =
        slurm_request({.words = {}, .environment = {"SLURM_STEP_ID=0"}, .input = Input::terminal});
    CHECK(shell.form == Form::login_shell);
    CHECK(shell.shell.empty());
}

TEST_CASE("a variable that is there twice is nobody's word")
{
    CHECK(remoteshell::variable({"PBS_JOBID=1", "PBS_JOBIDX=2", "XPBS_JOBID=3"}, "PBS_JOBID") == "1");
    CHECK(remoteshell::variable({"PBS_JOBID=1", "PBS_JOBID=1"}, "PBS_JOBID") == "1");
    CHECK_THROWS_AS(remoteshell::variable({"PBS_JOBID=1", "PBS_JOBID=2"}, "PBS_JOBID"), ctx::Error);
    CHECK_FALSE(remoteshell::variable({"PBS_JOBID"}, "PBS_JOBID"));
}
