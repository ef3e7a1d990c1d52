// Torque's epilogue: removes the job's guest, also one that its prologue is still making. Called with id,
// user, group, job name, session, resources, resources used, queue, account, exit status and script; only the
// id matters. Exit: 0, or 1 if something is left.
#include <string>
#include <vector>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/names.hpp>

#include "../runner/journal/journal.hpp"
#include "../runner/lifecycle/end_job.hpp"
#include "../runner/lifecycle/phases.hpp"
#include "hook.hpp"

namespace {

constexpr int something_is_left = 1;

int epilogue(const std::string& job_id)
try {
    // The prologue has refused it.
    if (!ctx::is_job_id(job_id)) return 0;
    const runner::InstallPaths paths = runner::install_paths();
    const runner::Settings settings = runner::read_settings(paths.config);
    runner::Phases phases({});
    runner::Journal(settings, "epilogue", job_id).follow(phases, [&] {
        phases.run("remove", [&] {
            runner::end_job(job_id, settings, paths,
                            ctx::Deadline::in(torque::hook_time(settings.torque.prologalarm)));
        });
    });
    return 0;
} catch (const ctx::Error& error) {
    torque::say("epilogue", "job " + job_id + ": " + error.one_line());
    return something_is_left;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string job_id =
        argc > 1 ? argv[1] : ""; // NOLINT(cppcoreguidelines-pro-bounds-pointer-arithmetic)
    return torque::run_guarded("epilogue", [&] { return epilogue(job_id); }, something_is_left);
}
