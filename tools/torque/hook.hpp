// What prologue and epilogue have in common: how mom treats them, and how they speak to it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace torque {

// How long a hook may work where mom has this $prologalarm N: mom kills it after N - 10 s, and what was made
// is removed before.
std::chrono::milliseconds hook_time(std::chrono::milliseconds prologalarm);

// Runs `work` in a child and returns its exit code. Mom takes a prologue that a signal killed for one that
// said yes; a crash of the child, or its end for want of memory, becomes `if_killed` here. Nothing mom left
// open reaches the child.
int run_guarded(const std::string& hook, const std::function<int()>& work, int if_killed);

// One line on stderr, which is the job's (its user reads it), and in the system's log (its administrator
// does).
void say(const std::string& hook, const std::string& line);

} // namespace torque
