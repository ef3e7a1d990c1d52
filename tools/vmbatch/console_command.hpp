// vmbatch guest console JOB: a job's guest at its serial port.
#pragma once

#include "common_options.hpp"

void add_console_command(CLI::App& noun, CommonOptions& common);
