#include "ledger.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/deadline.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

#include "owner.hpp"

namespace runner {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;
using nlohmann::json;

namespace {

constexpr std::size_t record_limit = 1 << 16;
constexpr std::size_t owner_limit = 128;

json to_json(const JobRecord& record)
{
    return {{"schema", 1},
            {"id", record.id},
            {"nonce", record.nonce},
            {"uuid", record.uuid},
            {"user", record.user},
            {"profile", record.profile},
            {"hypervisor", record.hypervisor},
            {"created", record.created},
            {"prologue", record.prologue},
            {"boot", record.boot}};
}

JobRecord read_record(const fs::path& file)
{
    try {
        const json data = json::parse(ctx::read_file(file, record_limit));
        JobRecord record;
        data.at("id").get_to(record.id);
        data.at("nonce").get_to(record.nonce);
        data.at("uuid").get_to(record.uuid);
        data.at("user").get_to(record.user);
        data.at("profile").get_to(record.profile);
        data.at("hypervisor").get_to(record.hypervisor);
        data.at("created").get_to(record.created);
        record.prologue = data.value("prologue", std::int64_t{0});
        record.boot = data.value("boot", "");
        return record;
    } catch (const json::exception& error) {
        throw Error(Blame::node, "a job's record is damaged")
            .at(file.string())
            .because(error.what())
            .mend("end the job's guest, then remove its directory by hand");
    }
}

fs::path jobs_directory(const fs::path& state_dir)
{
    return state_dir / "jobs";
}

// Open file description locks: they end with their holder, and can be asked for without being taken.
struct flock whole_file()
{
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

bool try_lock(int fd)
{
    struct flock lock = whole_file();
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool is_locked(int fd)
{
    struct flock lock = whole_file();
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

// By whom and when: in this host's present life, for after a reboot its guest is gone, and nobody will come
// for it; and by its last owner, for who takes it over means to end it.
std::string left_mark(const fs::path& job)
{
    return host_boot_id() + ctx::read_file(job / "ledger" / "owner.lock", owner_limit);
}

bool was_left(const fs::path& job)
{
    try {
        return ctx::read_file(job / "ledger" / "left", record_limit) == left_mark(job);
    } catch (const Error&) {
        return false;
    }
}

// While it is held no directory is being set up, so any that looks unfinished has been abandoned.
ctx::Fd lock_setup(const fs::path& state_dir)
{
    std::error_code error;
    // Users pass both on the way to their own jobs, and list nothing. (pbs_mom's umask would close them.)
    for (const fs::path& directory : {state_dir, jobs_directory(state_dir)}) {
        if (fs::create_directories(directory, error)) ::chmod(directory.c_str(), 0711);
    }
    if (error)
        throw Error(Blame::node, "cannot make the state directory")
            .at(state_dir.string())
            .because(error.message())
            .mend("make it, or correct paths.state_dir");
    ctx::Fd lock = ctx::open_file(jobs_directory(state_dir) / ".setup.lock", O_RDWR | O_CREAT);
    // Held for milliseconds, unless somebody was stopped or waits for his disk.
    const ctx::Deadline patience = ctx::Deadline::in(30s);
    while (!try_lock(lock.get())) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            throw ctx::system_error("cannot lock", state_dir.string(), errno);
        if (patience.passed())
            throw Error(Blame::node, "another process makes or removes job directories all the time")
                .at(jobs_directory(state_dir).string())
                .mend("see which one holds .setup.lock there ('fuser'), and what it waits for")
                .as_timeout();
        std::this_thread::sleep_for(5ms);
    }
    return lock;
}

} // namespace

fs::path job_directory(const fs::path& state_dir, const std::string& id)
{
    // It becomes a path: whoever asks may have it from a user.
    if (!ctx::is_job_id(id)) throw Error(Blame::user, "not a job id").at("'" + ctx::printable(id, 140) + "'");
    return jobs_directory(state_dir) / id;
}

fs::path owner_lock(const fs::path& state_dir, const std::string& id)
{
    return job_directory(state_dir, id) / "ledger" / "owner.lock";
}

IdInUse::IdInUse(const std::string& id)
    : Error(Error(Blame::user, "there is a job with this id already")
                .at("'" + id + "'")
                .mend("wait for its end; if it died, 'vmbatch job gc' removes what is left of it"))
{
}

Ledger::Ledger(fs::path directory, JobRecord record, ctx::Fd lock)
    : directory_(std::move(directory)), record_(std::move(record)), lock_(std::move(lock))
{
}

Ledger Ledger::create(const fs::path& state_dir, const JobRecord& record, gid_t disk_group)
{
    const ctx::Fd setup = lock_setup(state_dir);
    const fs::path jobs = jobs_directory(state_dir);
    const fs::path directory = jobs / record.id;
    const fs::path unfinished = jobs / (".new-" + record.nonce);

    ctx::make_directory(unfinished, 0711);
    ctx::make_directory(unfinished / "ledger", 0700);
    ctx::make_directory(unfinished / "ledger" / "made", 0700);
    ctx::make_directory(unfinished / "user", 0700);
    ctx::make_directory(unfinished / "disk", 0710, 0, disk_group);
    ctx::write_file(unfinished / "ledger" / "job.json", to_json(record).dump(), 0600, ctx::Durable::yes);
    ctx::Fd lock = ctx::open_file(unfinished / "ledger" / "owner.lock", O_RDWR | O_CREAT | O_EXCL);
    if (!try_lock(lock.get())) throw ctx::system_error("cannot lock", unfinished.string(), errno);
    ctx::write_all(lock.get(), describe_owner(), unfinished);

    reached(Step::directory_filled);
    if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, directory.c_str(), RENAME_NOREPLACE) < 0) {
        const int error_number = errno;
        ctx::remove_tree(unfinished);
        if (error_number != EEXIST)
            throw ctx::system_error("cannot make the job directory", directory.string(), error_number);
        throw IdInUse(record.id);
    }
    ctx::sync_directory(jobs);
    reached(Step::directory_published);
    return {directory, record, std::move(lock)};
}

std::optional<Ledger> Ledger::take(const fs::path& state_dir, const std::string& id)
{
    return take(state_dir, id, [](const JobRecord&) { return false; });
}

std::optional<Ledger> Ledger::take(const fs::path& state_dir, const std::string& id,
                                   const std::function<bool(const JobRecord&)>& spared)
{
    const fs::path directory = job_directory(state_dir, id);
    const fs::path lock_file = owner_lock(state_dir, id);
    ctx::Fd lock(::open(lock_file.c_str(), O_RDWR | O_CLOEXEC));
    if (!lock) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        throw ctx::system_error("cannot look at the job", lock_file.string(), errno);
    }
    if (!try_lock(lock.get())) return std::nullopt;

    // Between open and lock another remover may have been through, and the id may have a new job by now.
    struct stat held{};
    struct stat there{};
    if (::fstat(lock.get(), &held) < 0 || ::stat(lock_file.c_str(), &there) < 0 ||
        held.st_ino != there.st_ino)
        return std::nullopt;
    JobRecord record = read_record(directory / "ledger" / "job.json");
    if (spared(record)) return std::nullopt;
    const std::string owner = describe_owner();
    if (::ftruncate(lock.get(), 0) < 0) throw ctx::system_error("cannot write", lock_file.string(), errno);
    ctx::write_all(lock.get(), owner, lock_file);
    reached(Step::job_taken);
    return Ledger(directory, std::move(record), std::move(lock));
}

void Ledger::record(std::string_view kind, const std::string& details)
{
    const fs::path made = directory_ / "ledger" / "made";
    const auto count = std::distance(fs::directory_iterator(made), fs::directory_iterator());
    ctx::write_file(made / fmt::format("{:02}-{}.json", count, kind), details, 0600, ctx::Durable::yes);
}

std::vector<LedgerEntry> Ledger::entries() const
{
    return entries_of(directory_);
}

std::vector<LedgerEntry> entries_of(const fs::path& job_directory)
{
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(job_directory / "ledger" / "made")) {
        if (!file.path().filename().string().starts_with('.')) files.push_back(file.path());
    }
    std::ranges::sort(files, std::ranges::greater{});
    std::vector<LedgerEntry> result;
    result.reserve(files.size());
    for (const fs::path& file : files)
        result.push_back({file.stem().string(), ctx::read_file(file, record_limit)});
    for (LedgerEntry& entry : result) entry.kind = entry.kind.substr(entry.kind.find('-') + 1);
    return result;
}

void Ledger::strike(const LedgerEntry& entry)
{
    for (const auto& file : fs::directory_iterator(directory_ / "ledger" / "made")) {
        if (file.path().stem().string().ends_with("-" + entry.kind)) fs::remove(file.path());
    }
}

void Ledger::leave()
{
    ctx::write_file(directory_ / "ledger" / "left", left_mark(directory_), 0600, ctx::Durable::yes);
    reached(Step::job_left);
}

void Ledger::remove_directory()
{
    // After this rename it is no job any more, only files; whoever finds them may remove them.
    const fs::path gone = directory_.parent_path() / (".gone-" + record_.nonce);
    if (::rename(directory_.c_str(), gone.c_str()) < 0)
        throw ctx::system_error("cannot remove the job directory", directory_.string(), errno);
    reached(Step::directory_unlisted);
    ctx::remove_tree(gone);
    reached(Step::directory_removed);
}

std::optional<JobRecord> record_of(const fs::path& state_dir, const std::string& id)
{
    const fs::path file = job_directory(state_dir, id) / "ledger" / "job.json";
    std::error_code error;
    if (!fs::exists(file, error)) return std::nullopt;
    try {
        return read_record(file);
    } catch (const Error&) {
        if (!fs::exists(file, error)) return std::nullopt; // it went while we read
        throw;
    }
}

std::string_view to_string(JobState state)
{
    switch (state) {
    case JobState::running: return "running";
    case JobState::left: return "left";
    case JobState::abandoned: break;
    }
    return "abandoned";
}

namespace {

// Nothing for a directory that is no job, or is going.
std::optional<KnownJob> look_at(const fs::path& job)
{
    const ctx::Fd lock(::open((job / "ledger" / "owner.lock").c_str(), O_RDWR | O_CLOEXEC));
    if (!lock) return std::nullopt;
    KnownJob known;
    if (is_locked(lock.get()))
        known.state = JobState::running;
    else if (was_left(job))
        known.state = JobState::left;
    try {
        known.record = read_record(job / "ledger" / "job.json");
    } catch (const Error&) {
        known.record.id = job.filename(); // damaged; it is shown all the same
    }
    return known;
}

} // namespace

std::vector<KnownJob> list_jobs(const fs::path& state_dir)
{
    std::vector<KnownJob> jobs;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(jobs_directory(state_dir), error)) {
        if (!ctx::is_job_id(entry.path().filename().string())) continue;
        if (auto known = look_at(entry.path())) jobs.push_back(std::move(*known));
    }
    std::ranges::sort(jobs, {}, [](const KnownJob& job) { return job.record.created; });
    return jobs;
}

KnownJob find_job(const fs::path& state_dir, const std::string& id)
{
    if (auto known = look_at(job_directory(state_dir, id))) return *known;
    std::vector<std::string> ids;
    for (const KnownJob& job : list_jobs(state_dir)) ids.push_back(job.record.id);
    const auto close = ctx::nearest(id, ids);
    throw Error(Blame::user, "there is no such job on this host")
        .at("'" + id + "'")
        .mend(close ? "did you mean '" + *close + "'?" : "'vmbatch job list' shows what is there");
}

void sweep_unfinished(const fs::path& state_dir)
{
    const ctx::Fd setup = lock_setup(state_dir);
    for (const auto& entry : fs::directory_iterator(jobs_directory(state_dir))) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".new-") || name.starts_with(".gone-")) ctx::remove_tree(entry.path());
    }
    reached(Step::unfinished_swept);
}

} // namespace runner
