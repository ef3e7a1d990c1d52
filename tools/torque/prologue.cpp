// Torque's prologue: makes the job's guest. See torque_job.hpp for how it is called, hook.hpp for how it is
// treated. Exit: 0 the guest is there; 1 the job can never run (Torque aborts it); 2 this host cannot run it
// now (Torque queues it again).
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/names.hpp>

#include "../runner/journal/counters.hpp"
#include "../runner/journal/journal.hpp"
#include "../runner/lifecycle/prepare_job.hpp"
#include "hook.hpp"
#include "job_starter.hpp"
#include "requeues.hpp"
#include "torque_job.hpp"

namespace {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Deadline;
using ctx::Error;

enum Answer { run_it = 0, abort_it = 1, queue_it_again = 2 };

// Without a configuration nothing says how long we have.
constexpr std::chrono::milliseconds usual_prologalarm = 300s;

// A script's beginning, in which directives are. Nothing where it cannot be read: an old mom does not say
// where it is, an interactive job has none.
std::string beginning_of(const std::string& script)
{
    constexpr std::size_t enough = 64 << 10;
    const ctx::Fd file(::open(script.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    std::string text(enough, '\0');
    const ssize_t count = file ? ::read(file.get(), text.data(), text.size()) : 0;
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

// Mom has found the account, so that it is the host's trouble if we do not.
ctx::User account_of(const std::string& name)
try {
    return runner::host_user(name);
} catch (const Error& error) {
    if (!ctx::is_user_name(name)) throw;
    throw Error(Blame::node, error.problem()).at(error.place()).mend("see whether its name services work");
}

void prepare(const torque::PrologueCall& call, const runner::Settings& settings,
             const runner::InstallPaths& paths, const Deadline& deadline)
{
    runner::BatchJob batch = torque::batch_job(call, account_of(call.user), beginning_of(call.script));
    batch.hook = ::getppid(); // we are the child of run_guarded()
    batch.comes_again = true;
    if (runner::choose_profile(batch, settings) == nullptr) return;
    torque::require_job_starter("."); // mom_priv
    runner::SignalInterruption interruption;
    runner::Phases phases({});
    runner::Journal(settings, "prologue", call.job_id).follow(phases, [&] {
        runner::prepare_job(batch, settings, paths, phases, interruption, deadline);
    });
}

Answer send_back(const torque::Requeues& requeues, const std::string& job_id,
                 const runner::Settings& settings, const Deadline& deadline)
{
    unsigned count = 1;
    try {
        count = requeues.count(job_id);
    } catch (const Error& error) {
        torque::say("prologue", error.one_line());
    }
    if (count > torque::most_requeues) {
        requeues.forget(job_id);
        torque::say("prologue", fmt::format("this host has sent the job back {} times: it is given up",
                                            torque::most_requeues));
        return abort_it;
    }
    runner::add_counts(settings.state_dir / "host",
                       {{.name = "requeues_total", .labels = {{"batch_system", "torque"}}}});
    std::this_thread::sleep_for(std::min(torque::requeue_delay(count), deadline.left()));
    return queue_it_again;
}

// The configuration is good so far.
Answer answer(const torque::PrologueCall& call, const runner::Settings& settings,
              const runner::InstallPaths& paths, const Deadline& deadline)
{
    const torque::Requeues requeues(settings.state_dir);
    if (!ctx::is_job_id(call.job_id)) {
        torque::say("prologue", "what pbs_mom calls a job cannot be a file's name");
        return abort_it;
    }
    try {
        prepare(call, settings, paths, deadline);
    } catch (const Error& error) {
        torque::say("prologue", error.one_line());
        if (error.blame() != Blame::user) return send_back(requeues, call.job_id, settings, deadline);
        requeues.forget(call.job_id);
        return abort_it;
    } catch (const runner::Interrupted&) {
        return queue_it_again; // by the job's epilogue, or by its next prologue: no answer counts any more
    }
    requeues.forget(call.job_id);
    return run_it;
}

int prologue(const std::vector<std::string>& arguments)
{
    std::map<std::string, std::string> environment;
    if (const char* directory = std::getenv("PBS_O_WORKDIR")) environment["PBS_O_WORKDIR"] = directory;
    auto deadline = Deadline::in(torque::hook_time(usual_prologalarm));
    try {
        const torque::PrologueCall call = torque::read_prologue_call(arguments, environment);
        const runner::InstallPaths paths = runner::install_paths();
        const runner::Settings settings = runner::read_settings(paths.config);
        deadline = Deadline::in(torque::hook_time(settings.torque.prologalarm));
        return answer(call, settings, paths, deadline);
    } catch (const Error& error) {
        torque::say("prologue", error.one_line());
        std::this_thread::sleep_for(torque::requeue_delay(2));
        return queue_it_again;
    }
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    return torque::run_guarded("prologue", [&] { return prologue(arguments); }, queue_it_again);
}
