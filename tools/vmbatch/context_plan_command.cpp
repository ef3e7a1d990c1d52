// vmbatch context plan
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <ctx/context_file.hpp>
#include <ctx/dir_tree.hpp>
#include <ctx/edit_plan.hpp>

#include "../runner/job/job_variables.hpp"
#include "context_commands.hpp"
#include "context_values.hpp"
#include "plan_print.hpp"

namespace {

using nlohmann::json;

constexpr const char* plan_description = R"(Show how a context would be written into a guest.

The guest's own files say what it is: its distribution, its accounts, how it starts services. From them and from the
context follows a list of edits, in the order in which they would be done, each with its reason. Nothing is changed.

Secret contents (keys, shadow's lines) are not shown. Names of a job (${job.id} …) stand for made-up values here; other
names come from --set.)";

constexpr const char* plan_footer = R"(
Example:
  vmbatch context plan context.toml --root /srv/guest

Exit codes: 0 it can be written, 1 this guest cannot be given what the context asks.)";

struct PlanOptions {
    std::string file;
    std::string root;
    std::string cloud_init = "off";
    std::vector<std::string> settings;
    bool as_json = false;
};

void plan(const PlanOptions& options)
{
    const ctx::Variables values = context_values(options.settings);
    ctx::Variables variables = runner::sample_variables("profile");
    for (const auto& [name, value] : values) variables.insert_or_assign(name, value);
    ctx::Context context = ctx::read_context(options.file, variables);
    ctx::set_values(context, values);
    const auto tree = ctx::open_dir_tree(options.root);
    const ctx::GuestFacts facts = ctx::read_facts(*tree, context);
    const auto cloud_init = options.cloud_init == "off" ? ctx::CloudInit::off : ctx::CloudInit::carry_on;
    const ctx::EditPlan edits = ctx::make_plan(context, facts, {cloud_init});
    if (!options.as_json) {
        std::cout << facts_text(facts) << plan_text(edits);
        return;
    }
    const json all = {{"schema", 1}, {"guest", facts_json(facts)}, {"edits", plan_json(edits)}};
    // A guest's names may be no text.
    constexpr int indent = 2;
    std::cout << all.dump(indent, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace

void add_context_plan(CLI::App& noun)
{
    auto options = std::make_shared<PlanOptions>();
    CLI::App* command = noun.add_subcommand("plan", plan_description);
    command->footer(plan_footer);
    command->add_option("CONTEXT", options->file, "the context file")->required();
    command->add_option("--root", options->root, "the guest's root, a directory of this host")
        ->type_name("DIR")
        ->required();
    command
        ->add_option("--cloud-init", options->cloud_init,
                     "what becomes of the guest's own: off, or carry-on: it works, and undoes nothing")
        ->check(CLI::IsMember({"off", "carry-on"}))
        ->capture_default_str();
    add_set_option(*command, options->settings);
    command->add_flag("--json", options->as_json, "print JSON, schema 1");
    command->callback([options] { plan(*options); });
}
