#include "job_context.hpp"

#include <set>

#include <ctx/base/error.hpp>
#include <ctx/context_file.hpp>

#include "../guest/ready_channel.hpp"
#include "../job/job_variables.hpp"

namespace runner {

namespace {

using ctx::Blame;
using ctx::Context;

// What the profile says by itself, below its context file.
Context of_profile(const ContextParts& parts)
{
    Context context;
    context.hostname = parts.identity.hostname;
    context.mounts = parts.profile.mounts;
    context.environment = parts.profile.environment;
    return context;
}

Context of_files(Context context, const ContextParts& parts)
{
    const ctx::Variables variables = job_variables(parts.job, parts.identity, parts.profile);
    if (const auto& file = parts.profile.context_file)
        context = ctx::merge(std::move(context), ctx::read_context(file->string(), variables, Blame::node));
    if (const auto& file = parts.job.context_file)
        context = ctx::merge(std::move(context), ctx::read_context(file->string(), variables, Blame::user));
    return context;
}

// What the job cannot do without: its user, its share, the key by which the host knows the guest.
Context of_job(const ContextParts& parts)
{
    Context context;
    context.instance_id = parts.identity.uuid;
    ctx::User user = parts.job.user;
    user.ssh_keys = {parts.keys.user_public_key};
    context.users.push_back(user);
    if (parts.profile.create_workdir) {
        const ctx::Owner owner{user.name, user.group.name};
        std::set<std::string> wanted(parts.job.directories.begin(), parts.job.directories.end());
        wanted.insert(parts.job.workdir);
        for (const std::string& directory : wanted)
            context.directories.push_back({.path = directory, .mode = 0755, .owner = owner});
    }
    context.files.push_back({.path = job_shim_place, .source = parts.job_shim, .mode = 0755});
    context.host_key = parts.keys.host;
    if (parts.profile.reports_by_channel) {
        context.ready = ctx::ReadyReport{.nonce = parts.nonce, .path = "", .channel = ready_channel};
        return context;
    }
    const ShareSettings& share = parts.share;
    context.share =
        ctx::Mount{.source = parts.profile.share_source.value_or(share.source) + "/" + parts.share_name,
                   .target = share.mount,
                   .type = share.type,
                   .options = share.options};
    context.ready = ctx::ReadyReport{
        .nonce = parts.nonce, .path = share.mount + "/ready", .user = user.name, .channel = ""};
    return context;
}

} // namespace

Context job_context(const ContextParts& parts)
{
    Context whole = ctx::merge(of_files(of_profile(parts), parts), of_job(parts));
    ctx::set_values(whole, parts.job.values);
    try {
        ctx::check_context(whole);
    } catch (const ctx::Error& error) {
        // What else the job brought has been checked before: what is wrong now is in a context.
        const bool by_hand = parts.job.context_file || !parts.job.values.empty();
        throw ctx::Error(by_hand ? Blame::user : Blame::node, error.problem())
            .at(error.place())
            .because(error.reason())
            .mend("correct profile '" + parts.profile.name + "' or its context file" +
                  (by_hand ? ", --context or --set" : ""));
    }
    return whole;
}

} // namespace runner
