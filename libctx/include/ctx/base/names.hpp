// Names that come from users and batch systems and go into paths, accounts and guests: checked once, here.
#pragma once

#include <string_view>

namespace ctx {

// What a batch system may call a job: "69[2].server.example", "1234", "run-0f3a…". At most 128 letters,
// digits,
// `._-+@[]`, beginning with a letter or digit. It is used as a directory's name.
bool is_job_id(std::string_view text);

// An account as useradd takes it on every guest: lower-case letters, digits, `_-`, at most 32, no leading
// digit or dash.
bool is_user_name(std::string_view text);

// RFC 1123: labels of letters, digits and inner dashes, at most 63 each, 253 in all.
bool is_host_name(std::string_view text);

// A name of an image, profile or file of ours: letters, digits, `._-`, beginning with a letter or digit, at
// most 64.
bool is_plain_name(std::string_view text);

// POSIX: letters, digits and `_`, no leading digit.
bool is_environment_name(std::string_view text);

} // namespace ctx
