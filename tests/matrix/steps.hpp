// Which program passes which step of a job's life, in which order. The table the matrix is made from: a step
// without a row does not compile, a row that is not true fails.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "runner/ledger/steps.hpp"

namespace matrix {

inline constexpr unsigned prologue = 1;
inline constexpr unsigned remoteshell = 2;
inline constexpr unsigned epilogue = 4;
inline constexpr unsigned gc = 8;
// A prologue removes what an earlier run of its job left.
inline constexpr unsigned removing = prologue | epilogue | gc;

struct Row {
    runner::Step step;
    std::string_view name;
    unsigned programs;
};

using runner::Step;

inline constexpr std::array rows = {
    Row{Step::host_checked, "host_checked", prologue},
    Row{Step::directory_filled, "directory_filled", prologue},
    Row{Step::directory_published, "directory_published", prologue},
    Row{Step::found_wanted, "found_wanted", prologue},
    Row{Step::lease_recorded, "lease_recorded", prologue},
    Row{Step::lease_made, "lease_made", prologue},
    Row{Step::share_recorded, "share_recorded", prologue},
    Row{Step::share_made, "share_made", prologue},
    Row{Step::host_key_made, "host_key_made", prologue},
    Row{Step::user_key_made, "user_key_made", prologue},
    Row{Step::overlay_made, "overlay_made", prologue},
    Row{Step::disc_made, "disc_made", prologue},
    Row{Step::domain_recorded, "domain_recorded", prologue},
    Row{Step::domain_started, "domain_started", prologue},
    Row{Step::guest_ready, "guest_ready", prologue},
    Row{Step::guest_entered, "guest_entered", prologue},
    Row{Step::access_written, "access_written", prologue},
    Row{Step::job_left, "job_left", prologue},
    Row{Step::access_found, "access_found", remoteshell},
    Row{Step::guest_connected, "guest_connected", remoteshell},
    Row{Step::task_sent, "task_sent", remoteshell},
    Row{Step::task_begun, "task_begun", remoteshell},
    Row{Step::task_ended, "task_ended", remoteshell},
    Row{Step::tombstone_left, "tombstone_left", epilogue},
    Row{Step::job_taken, "job_taken", removing},
    Row{Step::domain_ended, "domain_ended", removing},
    Row{Step::domain_struck, "domain_struck", removing},
    Row{Step::share_removed, "share_removed", removing},
    Row{Step::share_struck, "share_struck", removing},
    Row{Step::lease_released, "lease_released", removing},
    Row{Step::lease_struck, "lease_struck", removing},
    Row{Step::directory_unlisted, "directory_unlisted", removing},
    Row{Step::directory_removed, "directory_removed", removing},
    Row{Step::unfinished_swept, "unfinished_swept", epilogue | gc},
    Row{Step::orphans_ended, "orphans_ended", gc},
};

constexpr bool in_order()
{
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (static_cast<std::size_t>(rows.at(i).step) != i || rows.at(i).programs == 0) return false;
    }
    return true;
}
static_assert(rows.size() == static_cast<std::size_t>(Step::count), "every step has a row");
static_assert(in_order());

} // namespace matrix
