#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

#include "task.hpp"

namespace runner {

using ctx::Blame;
using ctx::Error;

namespace {

class Fields {
public:
    void add(char letter, std::string_view value)
    {
        if (value.find('\0') != std::string_view::npos)
            throw Error(Blame::user, "a NUL byte cannot be carried into the guest")
                .at("'" + ctx::printable(value, 60) + "'")
                .mend("leave it out");
        text_ += letter;
        text_ += value;
        text_ += '\0';
    }
    void add_rest(char letter, std::string_view bytes)
    {
        text_ += letter;
        text_ += '\0';
        text_ += bytes;
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

} // namespace

std::string task_folder(std::string_view task_name)
{
    return fmt::format("/tmp/.vmbatch/{}", task_name);
}

std::string script_place(std::string_view task_name)
{
    return task_folder(task_name) + "/script";
}

std::string encode(const Task& task)
{
    Fields fields;
    fields.add('d', task.workdir);
    fields.add('u', fmt::format("{:03o}", task.umask));
    for (const ResourceLimit& limit : task.limits)
        fields.add('l', fmt::format("{} {} {}", limit.resource, limit.soft, limit.hard));
    fields.add('x', task.program);
    for (const std::string& argument : task.arguments) fields.add('a', argument);
    for (const std::string& variable : task.environment) fields.add('e', variable);
    if (task.script) fields.add_rest('s', *task.script);
    return fields.take();
}

} // namespace runner
