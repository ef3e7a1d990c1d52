// The engine: goes through a guest's stages in their order and writes down what becomes of the media and
// disks.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/check/report.hpp>

#include "check/find_context.hpp"
#include "check/model.hpp"
#include "check/rules/rules.hpp"
#include "check/scratch_disk.hpp"
#include "check/userdata/bootloader_block.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

void obey(Obeys what, Hearing& hearing)
{
    switch (what) {
    case Obeys::bootloader_block: obey_bootloader_block(hearing); break;
    case Obeys::bootloader_network: obey_bootloader_network(hearing); break;
    case Obeys::hepix_scripts: obey_hepix_scripts(hearing); break;
    case Obeys::root_key_variables: obey_root_key_variables(hearing); break;
    case Obeys::amiconfig: obey_amiconfig(hearing); break;
    case Obeys::cloud_init: obey_cloud_init(hearing); break;
    case Obeys::cloud_init_ssh_key: obey_cloud_init_ssh_key(hearing); break;
    }
}

bool has_user_data(const std::optional<Found>& found)
{
    return found && found->user_data && !trimmed(*found->user_data).empty();
}

// In the middle of a sentence.
std::string the(const std::string& stage)
{
    return stage == "boot loader" ? "the " + stage : stage;
}

class Prediction {
public:
    Prediction(const Machine& machine, const Guest& guest) : machine_(machine), guest_(guest)
    {
        report_.guest = guest.name;
        report_.title = guest.title;
        for (const Medium& medium : machine.media) media_.push_back(&medium);
        std::ranges::sort(media_, {}, [](const Medium* medium) { return medium->device; });
    }

    Report make()
    {
        if (guest_.scratch == Scratch::ucernvm) scratch_ = take_scratch_disk(machine_);
        bool before_scratch = true;
        for (const Stage& stage : guest_.stages) {
            if (stage.contextualizes && std::exchange(before_scratch, false) && !use_scratch_disk()) break;
            run(stage);
        }
        conclude();
        return std::move(report_);
    }

private:
    void find(const char* id, Severity severity, std::string place, std::string reason,
              std::string remedy = "")
    {
        report_.findings.push_back({.id = id,
                                    .severity = severity,
                                    .place = std::move(place),
                                    .reason = std::move(reason),
                                    .remedy = std::move(remedy)});
    }

    // The boot loader has read its context by then. False if nothing comes after it.
    bool use_scratch_disk()
    {
        if (guest_.scratch == Scratch::not_known && !machine_.disks.empty())
            find("disks-not-known", Severity::unknown, machine_.disks.front().device,
                 "what this guest does with further disks was not looked at");
        if (!scratch_) return true;
        report_.steps.push_back(scratch_->step);
        std::ranges::move(scratch_->findings, std::back_inserter(report_.findings));
        const std::vector<std::string>& eaten = scratch_->eaten;
        const auto is_eaten = [&](const Medium* medium) {
            return std::ranges::any_of(eaten, [&](const std::string& device) {
                return medium->device == device || medium->device == device + "1";
            });
        };
        for (const Medium* medium : media_) {
            if (is_eaten(medium))
                find("medium-eaten", Severity::error, medium->describe(),
                     "the context is read from it, and then the disk is taken for an empty one: it is gone",
                     "attach it read-only, or as a CD");
        }
        std::erase_if(media_, is_eaten);
        return !scratch_->hangs;
    }

    void run(const Stage& stage)
    {
        Step step{.stage = stage.name, .action = "", .reads = {}, .ignores = {}};
        std::optional<Found> found;
        if (stage.once_per_scratch_disk && scratch_ && scratch_->warm) {
            step.action = "is not run again: the disk labelled UROOT has its result";
        } else {
            found = look(stage, step);
        }
        if (found) hear(stage, *found, step);
        report_.steps.push_back(std::move(step));
        found_.insert_or_assign(stage.name, std::move(found));
    }

    std::optional<Found> look(const Stage& stage, Step& step)
    {
        const std::optional<Found>& before = found_[stage.listens_to];
        if (stage.only_after && !has_user_data(before)) {
            in_doubt_ |= before && before->in_doubt;
            step.action = fmt::format("does not start: {} found no user data", the(stage.listens_to));
            return std::nullopt;
        }
        SearchResult result = find_context(stage, media_);
        for (const Medium* medium : result.not_looked_at)
            step.ignores.push_back(medium->describe() + ": none of its drives");
        if (result.match) return take(stage, *result.match, step);
        for (NearMiss& near : result.near) {
            step.ignores.push_back(
                fmt::format("{} as {}: {}", near.medium->describe(), near.format->name, near.why));
            near_.push_back(std::move(near));
        }
        if (stage.only_after) {
            step.action = fmt::format("hears what {} has found", the(stage.listens_to));
            return before;
        }
        ask_for_udf(stage);
        step.action = "finds nothing" + (stage.otherwise.empty() ? "" : ", " + stage.otherwise);
        return std::nullopt;
    }

    // Azure's, whose format the boot loader and the HEPiX scripts know in some versions.
    void ask_for_udf(const Stage& stage)
    {
        for (const Medium* medium : media_) {
            if (medium->filesystem != FileSystem::udf) continue;
            in_doubt_ = true;
            find("udf", Severity::unknown, medium->describe(),
                 fmt::format("whether {} takes a UDF disc, as Azure's are, is not known", the(stage.name)),
                 "write ISO 9660 with Rock Ridge and Joliet");
        }
    }

    Found take(const Stage& stage, const Match& match, Step& step)
    {
        step.action = fmt::format("takes {} as {}", match.medium->describe(), match.format->name);
        Found found = open_context(match);
        const std::string place = match.medium->device + ": " + match.format->user_data.file;
        if (found.in_doubt) {
            in_doubt_ = true;
            find("not-computed", Severity::unknown, place, found.fault,
                 "write plain assignments, NAME=value, and small files");
        } else if (!found.fault.empty()) {
            find("not-decoded", Severity::error, place,
                 found.fault + ": " + the(stage.name) + " takes nothing of it",
                 "write base64 in one line (base64 -w0)");
        } else if (!has_user_data(found) && !stage.contextualizes) {
            say_that_it_hides(stage, match);
        }
        return found;
    }

    // A medium without user data wins all the same.
    void say_that_it_hides(const Stage& stage, const Match& match)
    {
        for (const Format& format : stage.formats) {
            for (const Medium* medium : media_) {
                const Stage alone{.name = "", .search = Search::formats_first, .formats = {format}};
                const auto other = find_context(alone, {medium});
                if (!other.match || (medium == match.medium && format.name == match.format->name)) continue;
                if (has_user_data(open_context(*other.match)))
                    find("empty-context-wins", Severity::error, match.medium->describe(),
                         fmt::format("it has no user data, and comes before {} as {}", medium->describe(),
                                     format.name),
                         "detach it, or put the user data on it");
            }
        }
    }

    void hear(const Stage& stage, const Found& found, Step& step)
    {
        Hearing hearing{.found = found,
                        .place = found.from.medium->device + ": " + found.from.format->user_data.file,
                        .step = step,
                        .findings = report_.findings};
        for (const Obeys what : stage.obeys) obey(what, hearing);
        in_doubt_ |= hearing.in_doubt;
        partly_ |= hearing.partly;
        if (!hearing.heard) return;
        if (!stage.contextualizes)
            boot_loader_heard_ = true;
        else
            heard_.push_back({.stage = &stage, .guarded = hearing.guarded});
    }

    struct Heard {
        const Stage* stage = nullptr;
        bool guarded = false;
    };

    void conclude()
    {
        say_what_is_not_heard();
        say_what_is_heard_twice();
        report_.verdict = verdict();
        if (report_.verdict == Verdict::applied || report_.verdict == Verdict::partly) return;
        for (const NearMiss& near : near_) {
            find("near-miss", Severity::warning, near.medium->describe(),
                 fmt::format("it would be taken as {}, but {}", near.format->name, near.why), near.remedy);
        }
    }

    // PUBLIC_KEY, prolog.sh: other guests of the family obey them.
    void say_what_is_not_heard()
    {
        for (const auto& [stage, found] : found_) {
            if (!found || stage != "boot loader") continue;
            for (const Obeys what : guest_.deaf_to) say_deaf(what, *found);
        }
    }

    void say_deaf(Obeys what, const Found& found)
    {
        const Medium& medium = *found.from.medium;
        const std::string place = medium.device;
        if (what == Obeys::hepix_scripts) {
            for (const char* name : {"prolog.sh", "epilog.sh"}) {
                if (medium.has(name))
                    find("script-not-run", is_guarded(medium.text(name)) ? Severity::note : Severity::warning,
                         place + ": " + name, guest_.title + " does not run it",
                         is_guarded(medium.text(name)) ? "" : "put it into the user data as a script");
            }
        } else if (what == Obeys::root_key_variables) {
            for (const char* name : {"PUBLIC_KEY", "ROOT_PUBKEY"}) {
                if (!found.variables.value(name).empty())
                    find("key-not-read", Severity::note, place + ": " + name,
                         guest_.title + " does not read it", "write root's authorized_keys in a script");
            }
        }
    }

    void say_what_is_heard_twice()
    {
        std::vector<std::string> stages;
        bool guarded = true;
        for (const Heard& heard : heard_) {
            stages.push_back(heard.stage->name);
            guarded = guarded && heard.guarded;
        }
        if (stages.size() < 2) return;
        find("heard-twice", guarded ? Severity::note : Severity::warning, join(stages, ", "),
             guarded ? "all of them hear the context; it sees to it that it happens once"
                     : "all of them hear the context: what it does may happen more than once",
             guarded ? "" : "make each effect one that can happen twice");
    }

    Verdict verdict()
    {
        if (scratch_ && scratch_->hangs) return Verdict::hangs;
        if (scratch_ && scratch_->warm) return Verdict::not_applied;
        const bool certain =
            std::ranges::any_of(heard_, [](const Heard& heard) { return heard.stage->certain; });
        if (certain) return partly_ ? Verdict::partly : Verdict::applied;
        if (only_the_boot_loader_is_spoken_to()) return partly_ ? Verdict::partly : Verdict::applied;
        if (!heard_.empty()) {
            find("only-" + heard_.front().stage->name, Severity::unknown, "",
                 fmt::format(
                     "nobody but {} hears the context, and of which age it is in this guest is not known",
                     heard_.front().stage->name),
                 "use the dialect cernvm or universal");
            return Verdict::not_known;
        }
        if (in_doubt_) return Verdict::not_known;
        if (machine_.media.empty()) {
            find("not-applied", Severity::error, "", "no medium with a context was given", "name a disc");
        } else {
            find("not-applied", Severity::error, "",
                 partly_ ? "the context is found, and nothing of it takes effect"
                         : "nothing in this guest hears a context on these media",
                 "use a dialect for this guest (howto/discs.md)");
        }
        return Verdict::not_applied;
    }

    bool only_the_boot_loader_is_spoken_to() const
    {
        if (!boot_loader_heard_) return false;
        return std::ranges::all_of(found_, [](const auto& entry) {
            return !entry.second || !entry.second->user_data ||
                   trimmed(without_bootloader_block(*entry.second->user_data)).empty();
        });
    }

    void find(const std::string& id, Severity severity, std::string place, std::string reason,
              std::string remedy)
    {
        find(id.c_str(), severity, std::move(place), std::move(reason), std::move(remedy));
    }

    const Machine& machine_;
    const Guest& guest_;
    std::vector<const Medium*> media_; // by name
    std::optional<ScratchDisk> scratch_;
    std::map<std::string, std::optional<Found>> found_; // by stage
    std::vector<Heard> heard_;
    std::vector<NearMiss> near_;
    bool boot_loader_heard_ = false;
    bool partly_ = false;
    bool in_doubt_ = false;
    Report report_;
};

} // namespace

Report predict(const Machine& machine, std::string_view guest)
{
    for (const Guest& known : guests()) {
        if (known.name == guest) return Prediction(machine, known).make();
    }
    std::string problem = fmt::format("there is no guest '{}'", printable(guest));
    if (const auto close = nearest(guest, guest_names()))
        problem += fmt::format("; did you mean '{}'?", *close);
    throw Error(Blame::user, std::move(problem)).mend("choose one of " + join(guest_names(), ", "));
}

std::vector<std::string> guest_names()
{
    std::vector<std::string> names;
    for (const Guest& guest : guests()) names.push_back(guest.name);
    return names;
}

std::vector<std::string> files_of_interest()
{
    std::set<std::string> files = {"prolog.sh", "epilog.sh"};
    for (const Guest& guest : guests()) {
        for (const Stage& stage : guest.stages) {
            for (const Format& format : stage.formats) {
                files.insert(format.files.begin(), format.files.end());
                files.insert(format.one_of.begin(), format.one_of.end());
                if (!format.user_data.file.empty()) files.insert(format.user_data.file);
            }
        }
    }
    return {files.begin(), files.end()};
}

} // namespace ctx::check
