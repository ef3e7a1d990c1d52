// The job directory is the ledger: everything made for a job lies in it or is written down in it before it is
// made.
//
//   STATE/jobs/ID/           0711 root
//     ledger/                0700 root
//       job.json             the record: who, what, which guest
//       owner.lock           held by the process that looks after the job, whose number it has; free = nobody
//       does left                 there is a guest that nobody has to look after: its batch system will end
//       it made/NN-KIND.json    what exists, or may exist, outside this directory
//     user/                  0700 of the job's user once filled: key, known_hosts, connection
//     disk/                  0710 root:QEMU's group: overlay, context disc, console, channel
//
// Killed at any point, a job can be removed by whoever gets the lock: what the entries name, in reverse
// order, then the directory, which carries the rest with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

#include "steps.hpp"

namespace runner {

// In the directory of disks.
inline constexpr const char* overlay_name = "overlay.qcow2";
inline constexpr const char* disc_name = "context.iso";
inline constexpr const char* console_name = "console.log";

struct JobRecord {
    std::string id;
    std::string nonce; // 32 hexadecimal digits; a new one for each run of an id
    std::string uuid;  // of the guest
    std::string user;
    std::string profile;
    std::string hypervisor;
    std::int64_t created = 0; // seconds since 1970
    // When the batch system started the prologue that made it, in the kernel's ticks since boot. 0: none did.
    std::int64_t prologue = 0;
    std::string boot; // in which life of this host
};

struct LedgerEntry {
    std::string kind;
    std::string details; // JSON
};

std::filesystem::path job_directory(const std::filesystem::path& state_dir, const std::string& id);
std::filesystem::path owner_lock(const std::filesystem::path& state_dir, const std::string& id);

// There is a job of this id already.
class IdInUse : public ctx::Error {
public:
    explicit IdInUse(const std::string& id);
};

class Ledger {
public:
    // A new job directory, owned (locked) by this process. It appears complete, by rename. Throws IdInUse, or
    // Error (node).
    static Ledger create(const std::filesystem::path& state_dir, const JobRecord& record, gid_t disk_group);
    // Takes over a job nobody looks after, to end it: it is no longer left to its batch system. Nothing if
    // its owner lives or it is gone.
    static std::optional<Ledger> take(const std::filesystem::path& state_dir, const std::string& id);
    // The same, unless `spared` says that this very run is none of ours.
    static std::optional<Ledger> take(const std::filesystem::path& state_dir, const std::string& id,
                                      const std::function<bool(const JobRecord&)>& spared);

    const JobRecord& job() const { return record_; }
    const std::filesystem::path& directory() const { return directory_; }
    std::filesystem::path user_directory() const { return directory_ / "user"; }
    std::filesystem::path disk_directory() const { return directory_ / "disk"; }
    std::filesystem::path private_directory() const { return directory_ / "ledger"; }

    // Writes down what is about to be made (on disk when it returns), then makes it.
    template <class Plan>
    auto make(const Plan& plan)
    {
        record(Plan::kind, plan.details());
        reached(Plan::steps.recorded);
        if constexpr (std::is_void_v<decltype(plan.make())>) {
            plan.make();
            reached(Plan::steps.made);
        } else {
            auto made = plan.make();
            reached(Plan::steps.made);
            return made;
        }
    }
    void record(std::string_view kind, const std::string& details);
    void strike(const LedgerEntry& entry);
    std::vector<LedgerEntry> entries() const; // the latest first

    // From now on the job waits for its batch system, not for us: it is not abandoned when we are gone, as
    // long as this host stays up.
    void leave();

    // The end: what is left is the directory.
    void remove_directory();

private:
    Ledger(std::filesystem::path directory, JobRecord record, ctx::Fd lock);

    std::filesystem::path directory_;
    JobRecord record_;
    ctx::Fd lock_;
};

enum class JobState {
    running,   // a living process looks after it
    left,      // a prologue left it for its batch system
    abandoned, // its owner died, or the host went down under it
};
std::string_view to_string(JobState state);

struct KnownJob {
    JobRecord record;
    JobState state = JobState::abandoned;
};
std::vector<KnownJob> list_jobs(const std::filesystem::path& state_dir);
// One of them. Throws Error (user) if there is none.
KnownJob find_job(const std::filesystem::path& state_dir, const std::string& id);
// Nothing where there is no such job, or none any more.
std::optional<JobRecord> record_of(const std::filesystem::path& state_dir, const std::string& id);
std::vector<LedgerEntry> entries_of(const std::filesystem::path& job_directory); // the latest first

// Removes directories that never became a job, or no longer are one: their makers died.
void sweep_unfinished(const std::filesystem::path& state_dir);

} // namespace runner
