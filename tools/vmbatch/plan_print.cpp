#include "plan_print.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctx/base/text.hpp>

namespace {

using nlohmann::json;
namespace edit = ctx::edit;

std::string octal(mode_t mode)
{
    return fmt::format("{:04o}", mode);
}

std::string numbers(const edit::Numbers& owner)
{
    return fmt::format("{}:{}", owner.uid, owner.gid);
}

// One edit as a verb and what there is to say of it besides its path.
struct Words {
    const char* verb = "";
    std::string details;
};

Words words(const edit::MakeDirectory& made)
{
    return {"mkdir", octal(made.mode) + " " + numbers(made.owner)};
}

Words words(const edit::WriteFile& write)
{
    std::string what;
    if (const auto* source = std::get_if<std::filesystem::path>(&write.content))
        what = "from " + source->string();
    else
        what = fmt::format("{} bytes", std::get<std::string>(write.content).size());
    if (write.keep_attributes) return {"write", what};
    return {"write", fmt::format("{} {} {}", octal(write.mode), numbers(write.owner), what)};
}

Words words(const edit::AppendLine& append)
{
    return {"append", append.secret ? "(secret)" : append.line};
}

Words words(const edit::MakeSymlink& link)
{
    return {"symlink", "-> " + link.target};
}

Words words(const edit::Remove&)
{
    return {"remove", ""};
}

Words words(const edit::SetOwner& owner)
{
    return {"owner", numbers(owner.owner)};
}

Words words(const edit::SetMode& mode)
{
    return {"mode", octal(mode.mode)};
}

Words words(const edit::SetXattr& xattr)
{
    return {"xattr", xattr.name};
}

Words words(const edit::Unpack& unpack)
{
    return {"unpack", unpack.source.string() + (unpack.owner ? " as " + numbers(*unpack.owner) : "")};
}

Words words(const edit::Relabel&)
{
    return {"relabel", "all of the above"};
}

void describe(json& row, const edit::MakeDirectory& made)
{
    row["mode"] = octal(made.mode);
    row["uid"] = made.owner.uid;
    row["gid"] = made.owner.gid;
}

void describe(json& row, const edit::WriteFile& write)
{
    row["keeps_attributes"] = write.keep_attributes;
    if (!write.keep_attributes) describe(row, edit::MakeDirectory{write.path, write.mode, write.owner});
    if (const auto* source = std::get_if<std::filesystem::path>(&write.content))
        row["source"] = source->string();
    else if (!write.secret)
        row["content"] = std::get<std::string>(write.content);
}

void describe(json& row, const edit::AppendLine& append)
{
    if (!append.secret) row["line"] = append.line;
}

void describe(json& row, const edit::MakeSymlink& link)
{
    row["target"] = link.target;
}

void describe(json&, const edit::Remove&) {}

void describe(json& row, const edit::SetOwner& owner)
{
    row["uid"] = owner.owner.uid;
    row["gid"] = owner.owner.gid;
}

void describe(json& row, const edit::SetMode& mode)
{
    row["mode"] = octal(mode.mode);
}

void describe(json& row, const edit::SetXattr& xattr)
{
    row["name"] = xattr.name;
    row["value"] = xattr.value;
}

void describe(json& row, const edit::Unpack& unpack)
{
    row["source"] = unpack.source.string();
    if (!unpack.owner) return;
    row["uid"] = unpack.owner->uid;
    row["gid"] = unpack.owner->gid;
}

void describe(json&, const edit::Relabel&) {}

} // namespace

std::string plan_text(const ctx::EditPlan& plan)
{
    std::string text;
    for (const ctx::Edit& one : plan) {
        const Words said = std::visit([](const auto& action) { return words(action); }, one.action);
        std::string line = fmt::format("{:<8}", said.verb);
        for (const std::string& part : {ctx::edit_path(one.action), said.details})
            if (!part.empty()) line += ctx::printable(part) + "  ";
        text += fmt::format("{}({})\n", line, ctx::printable(one.reason));
    }
    return text;
}

json plan_json(const ctx::EditPlan& plan)
{
    json rows = json::array();
    for (const ctx::Edit& one : plan) {
        json row;
        row["do"] = std::visit([](const auto& action) { return words(action).verb; }, one.action);
        if (!ctx::edit_path(one.action).empty()) row["path"] = ctx::edit_path(one.action);
        row["reason"] = one.reason;
        std::visit([&](const auto& action) { describe(row, action); }, one.action);
        rows.push_back(std::move(row));
    }
    return rows;
}

json facts_json(const ctx::GuestFacts& facts)
{
    return {{"distribution", facts.distribution},     {"version", facts.version},
            {"init", ctx::to_string(facts.init)},     {"network", ctx::to_string(facts.network)},
            {"selinux_policy", facts.selinux_policy}, {"sshd_version", facts.sshd_version},
            {"cloud_init", facts.has_cloud_init}};
}

std::string facts_text(const ctx::GuestFacts& facts)
{
    const std::string name = facts.pretty_name.empty() ? "an unknown distribution" : facts.pretty_name;
    return fmt::format("# {}; init {}, network {}, SELinux {}, {}\n", ctx::printable(name),
                       ctx::to_string(facts.init), ctx::to_string(facts.network),
                       facts.selinux_policy.empty() ? "off" : facts.selinux_policy,
                       facts.has_cloud_init ? "cloud-init" : "no cloud-init");
}
