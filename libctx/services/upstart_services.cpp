#include "services/upstart_services.hpp"

#include <algorithm>
#include <vector>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "edit/plan_parts.hpp"
#include "services/sysv_services.hpp"

namespace ctx {

namespace {

std::string job_path(const std::string& name, const char* suffix)
{
    return "/etc/init/" + name + suffix;
}

std::vector<std::string> words_of(const std::string& line)
{
    std::vector<std::string> words;
    for (const std::string& part : split(line, '\t'))
        for (const std::string& word : split(part, ' '))
            if (!word.empty()) words.push_back(word);
    return words;
}

bool is_manual(const std::string& line)
{
    return words_of(line) == std::vector<std::string>{"manual"};
}

// Overrides came with upstart 1.3. EL6 has 0.6.5, which knows neither them nor "manual".
bool knows_overrides(const GuestFacts& facts)
{
    return !has_chkconfig_layout(facts);
}

} // namespace

std::string without_start_on(std::string_view job)
{
    std::vector<std::string> kept;
    int open = 0; // parentheses
    bool inside = false;
    for (const std::string& line : split(job, '\n')) {
        const std::vector<std::string> words = words_of(line);
        if (!inside && words.size() >= 2 && words[0] == "start" && words[1] == "on") inside = true;
        if (!inside) {
            kept.push_back(line);
            continue;
        }
        open += static_cast<int>(std::ranges::count(line, '(') - std::ranges::count(line, ')'));
        inside = open > 0 || line.ends_with('\\');
    }
    return join(kept, "\n");
}

bool enable_job(EditPlan& plan, const GuestFacts& facts, const std::string& name)
{
    const std::string job = job_path(name, ".conf");
    if (!facts.has(job)) return false;
    const std::string reason = "service " + name + " on";
    const std::string override_file = job_path(name, ".override");
    std::vector<std::string> lines = split(facts.text(override_file), '\n');
    if (std::erase_if(lines, is_manual) > 0) {
        const std::string rest = join(lines, "\n");
        if (rest.find_first_not_of('\n') == std::string::npos) {
            add(plan, reason, edit::Remove{override_file});
        } else {
            edit::WriteFile change{override_file, rest};
            change.keep_attributes = true;
            add(plan, reason, std::move(change));
        }
    }
    const std::vector<std::string> job_lines = split(facts.text(job), '\n');
    if (std::ranges::any_of(job_lines, is_manual))
        throw Error(Blame::user, "service " + name + " is manual in this image")
            .at(job)
            .mend("take the word 'manual' out of the job, in the image");
    return true;
}

bool disable_job(EditPlan& plan, const GuestFacts& facts, const std::string& name)
{
    const std::string job = job_path(name, ".conf");
    if (!facts.has(job)) return false;
    const std::string reason = "service " + name + " off";
    if (knows_overrides(facts)) {
        add(plan, reason, edit::AppendLine{job_path(name, ".override"), "manual"});
        return true;
    }
    const std::string text = without_start_on(facts.text(job));
    if (text == facts.text(job)) return true;
    edit::WriteFile change{job, text};
    change.keep_attributes = true;
    add(plan, reason, std::move(change));
    return true;
}

} // namespace ctx
