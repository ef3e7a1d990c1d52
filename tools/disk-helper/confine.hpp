// What a process may do that reads what a stranger's disk says.
#pragma once

// From here on: the descriptors that are open, memory within a bound, time of the processor within a bound.
// No file is opened, no program started, no socket made, no signal sent to another process. Throws ctx::Error
// (node) where the kernel refuses; one without Landlock is done without it, seccomp alone keeps files closed.
void confine();
