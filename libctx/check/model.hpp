// How a guest looks for its context, said as data: a guest is a file in guests/ that makes a value of
// `Guest`. The engine (predict.cpp) reads these; a new guest is a new value, not new code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ctx/check/machine.hpp>

namespace ctx::check {

// Where a format keeps the user data, and how.
struct UserDataAt {
    std::string file;
    // In a file that shells source: this variable's value.
    std::string variable;
    // Always base64; or where another variable says "base64".
    bool base64 = false;
    bool one_line = false; // a decoder that takes no blanks among the digits
    std::string encoding_variable;
};

// One way for a medium to be a context.
struct Format {
    std::string name;
    std::vector<std::string> files;      // all of these, and
    std::vector<std::string> one_of;     // one of these, if there are any
    std::vector<FileSystem> filesystems; // on one of these
    std::vector<std::string> labels; // with one of these, letter for letter; none: labels are not looked at
    UserDataAt user_data;
};

// What a stage obeys of what it has found.
enum class Obeys {
    bootloader_block,   // [ucernvm-begin] … [ucernvm-end]
    bootloader_network, // ETH0_* of context.sh
    hepix_scripts,      // prolog.sh, epilog.sh
    root_key_variables, // PUBLIC_KEY, ROOT_PUBKEY of context.sh
    amiconfig,          // a script for root, and sections for plugins
    cloud_init,         // by the first line: cloud-config, script, MIME …
    cloud_init_ssh_key, // SSH_KEY of context.sh
};

// formats_first: a full scan of all media for each format. media_first: each medium is tried for each format.
enum class Search { none, formats_first, media_first };

struct Stage {
    std::string name;
    Search search = Search::none;
    std::vector<std::string> drives; // in this order, no others; none: all media, by name
    std::vector<Format> formats;
    // Takes what an earlier stage has found, where it finds nothing on its own or does not search.
    std::string listens_to;
    // … and does not start at all where that has no user data.
    bool only_after = false;
    std::vector<Obeys> obeys;
    // It makes users, files, keys: a guest in which no such stage heard anything is not contextualized.
    bool contextualizes = true;
    // What is known of it is enough to rely on.
    bool certain = true;
    // Is over once it has run on a scratch disk that is used again.
    bool once_per_scratch_disk = false;
    // What it does where it finds nothing.
    std::string otherwise;
};

// Which disk a guest takes for itself.
enum class Scratch { none, ucernvm, not_known };

struct Guest {
    std::string name;
    std::string title;
    Scratch scratch = Scratch::none;
    std::vector<Stage> stages;
    // What it passes over although other guests of its family obey it.
    std::vector<Obeys> deaf_to;
};

// All of them, in the order in which they are shown.
const std::vector<Guest>& guests();

Guest cernvm2();
Guest cernvm3();
Guest cernvm4();
Guest cernvm5();
Guest cloud_init_07();
Guest cloud_init();

// Stages several guests have.
Stage ucernvm_boot_loader();
Stage hepix();
Stage amiconfig(std::string listens_to);
Stage cloud_init_stage();

} // namespace ctx::check
