// What a disk holds, schema 1.
#pragma once

#include <nlohmann/json.hpp>

#include <ctx/block_device.hpp>

nlohmann::json inspect(const ctx::BlockReader& disk);
