// Every point of a job's life at which something is there, or gone, that was not a moment before: the points
// at which a crash has to leave nothing that removal does not find.
//
// In the programs that are installed reached() does nothing, and nothing outside them can change that. Tests
// link the same programs with another reached() (tests/matrix/): it ends or stops them at a step. There every
// value below needs a row, or the test programs do not compile.
#pragma once

namespace runner {

enum class Step {
    // making
    host_checked,        // nothing is made yet
    directory_filled,    // complete, and no job yet
    directory_published, // a job, and ours
    found_wanted,        // no epilogue has overtaken us
    lease_recorded,
    lease_made,
    share_recorded,
    share_made,
    host_key_made, // its private half is still on the host
    user_key_made,
    overlay_made,
    disc_made,
    domain_recorded,
    domain_started,
    guest_ready,
    guest_entered, // it lets the job's user in
    access_written,
    job_left, // to its batch system
    // running
    access_found,
    guest_connected,
    task_sent,
    task_begun,
    task_ended,
    // removing
    tombstone_left, // of a job that is not there
    job_taken,      // whoever looked after it, now it is us
    domain_ended,
    domain_struck,
    share_removed,
    share_struck,
    lease_released,
    lease_struck,
    directory_unlisted, // no job any more
    directory_removed,
    unfinished_swept,
    orphans_ended,
    count
};

void reached(Step step) noexcept;

// What everything a ledger names goes through.
struct ResourceSteps {
    Step recorded;
    Step made;
    Step removed;
    Step struck;
};

} // namespace runner
