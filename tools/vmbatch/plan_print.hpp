// An edit plan for people and for programs. Secret contents are in neither.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include <ctx/edit_plan.hpp>

std::string plan_text(const ctx::EditPlan& plan);
nlohmann::json plan_json(const ctx::EditPlan& plan);
nlohmann::json facts_json(const ctx::GuestFacts& facts);
std::string facts_text(const ctx::GuestFacts& facts);
