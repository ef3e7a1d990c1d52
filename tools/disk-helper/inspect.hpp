// What a disk holds, as `vmbatch disk inspect --json` prints it.
#pragma once

#include <nlohmann/json.hpp>

#include <ctx/block_device.hpp>

nlohmann::json inspect(const ctx::BlockReader& disk);
