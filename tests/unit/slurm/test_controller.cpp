#include <chrono>
#include <string>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "slurm/controller.hpp"

namespace {

using namespace std::chrono_literals;

// Stand-ins for squeue and scontrol that write down how they were called.
class Commands {
public:
    void command(const std::string& name, const std::string& text) const
    {
        const std::string script =
            "#!/bin/sh\n{ printf '<%s>' \"$@\"; echo; /usr/bin/env; } >" + called() + "\n";
        ctx::write_file(directory_.path() / name, script + text, 0755);
    }
    std::string said() const { return ctx::read_file(called(), 10'000); }
    slurm::Controller controller() const { return {directory_.path(), "/etc/slurm/slurm.conf"}; }

private:
    std::string called() const { return (directory_ / "called").string(); }

    TemporaryDirectory directory_;
};

template <class Work>
ctx::Error failure(Work work)
{
    try {
        work();
    } catch (const ctx::Error& error) {
        return error;
    }
    return {ctx::Blame::user, "nothing failed"};
}

ctx::Deadline soon()
{
    return ctx::Deadline::in(5s);
}

} // namespace

TEST_CASE("slurmctld is asked for the one job, with nothing but slurmd's configuration")
{
    const Commands commands;
    commands.command("squeue", "echo '12|RUNNING|1|300M|cpu=1,mem=300M|'\n");
    CHECK(commands.controller().allocation("12", soon()).state == "RUNNING");
    const std::string said = commands.said();
    CHECK(said.starts_with("<--noheader><--noconvert><--jobs><12><-O><JobID:|,"));
    CHECK(said.find("\nSLURM_CONF=/etc/slurm/slurm.conf\n") != std::string::npos);
    CHECK(said.find("HOME=") == std::string::npos);
}

TEST_CASE("a script is what scontrol prints; a job without one has none")
{
    const Commands commands;
    commands.command("scontrol", "echo '#!/bin/sh'\n");
    CHECK(commands.controller().script("12", soon()) == "#!/bin/sh\n");
    CHECK(commands.said().starts_with("<write><batch_script><12><->\n"));
    commands.command("scontrol", "echo 'job script retrieval failed: Job script not specified' >&2\n");
    CHECK(commands.controller().script("12", soon()).empty());
}

TEST_CASE("the reason of a drained node is one line")
{
    const Commands commands;
    commands.command("scontrol", "");
    commands.controller().drain("n1", "no image\n'x'", soon());
    CHECK(commands.said().starts_with(
        "<update><NodeName=n1><State=DRAIN><Reason=vmbatch: no image\\x0a'x'>\n"));
}

TEST_CASE("whose fault it is that slurmctld says nothing")
{
    const Commands commands;
    const slurm::Controller controller = commands.controller();
    const ctx::Error missing = failure([&] { controller.allocation("12", soon()); });
    CHECK(missing.blame() == ctx::Blame::node);
    CHECK(missing.problem() == "a command of Slurm's is missing");

    commands.command("squeue",
                     "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1\n");
    const ctx::Error down = failure([&] { controller.allocation("12", soon()); });
    CHECK(down.blame() == ctx::Blame::remote);
    CHECK(down.reason().starts_with("slurm_load_jobs error: Unable to contact"));

    commands.command("squeue", "");
    CHECK(failure([&] { controller.allocation("12", soon()); }).blame() == ctx::Blame::remote);

    commands.command("squeue", "exec sleep 60\n");
    CHECK(failure([&] { controller.allocation("12", ctx::Deadline::in(100ms)); }).timed_out());
}
