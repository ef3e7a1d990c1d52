// Which medium a stage takes, and why not the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "check/model.hpp"
#include "check/userdata/shell_words.hpp"

namespace ctx::check {

struct Match {
    const Medium* medium = nullptr;
    const Format* format = nullptr;
};

// A medium that would have been taken but for one thing.
struct NearMiss {
    const Medium* medium = nullptr;
    const Format* format = nullptr;
    std::string why;
    std::string remedy;
};

struct SearchResult {
    std::optional<Match> match;
    std::vector<NearMiss> near;
    std::vector<const Medium*> not_looked_at; // none of the stage's drives
};

// `media` in the order of their names.
SearchResult find_context(const Stage& stage, const std::vector<const Medium*>& media);

// What a stage holds once it has found its context.
struct Found {
    Match from;
    // Nothing: the medium has none. What it is may still be in doubt, see the two below.
    std::optional<std::string> user_data;
    ShellVariables variables; // of a context.sh
    bool in_doubt = false;    // the user data are computed, or too large to look at
    std::string fault;        // why there is something, but no user data
};

Found open_context(const Match& match);

} // namespace ctx::check
