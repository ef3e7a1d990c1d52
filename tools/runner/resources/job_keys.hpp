// The SSH identities of one job: the guest's host key and the key its user logs in with. Both are made here,
// so that the very first connection is verified in both directions.
#pragma once

#include <string>

#include <ctx/base/deadline.hpp>
#include <ctx/context.hpp>

#include "../ledger/ledger.hpp"

namespace runner {

struct JobKeys {
    ctx::HostKey host;
    std::string user_public_key; // a line for authorized_keys
};

// Leaves `key` and `known_hosts` in the ledger's user directory and gives that directory to the user.
JobKeys make_job_keys(const Ledger& ledger, const ctx::User& user, const std::string& host_alias,
                      const ctx::Deadline& deadline);

// The directory alone, for a job that gets no guest.
void give_user_directory(const Ledger& ledger, const ctx::User& user);

} // namespace runner
