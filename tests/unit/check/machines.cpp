#include "machines.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

namespace machines {

std::string context_sh(std::string_view text, std::string_view more)
{
    const auto encoded =
        ctx::run({.argv = {"/usr/bin/base64", "-w0"}}, ctx::Deadline::in(std::chrono::seconds(20)), text);
    return "EC2_USER_DATA=" + encoded.output + "\n" + std::string(more);
}

Medium with_short_names(Medium made)
{
    made.long_names = false;
    std::map<std::string, ctx::check::MediumFile> files;
    for (const auto& [path, file] : made.files) {
        std::vector<std::string> parts = ctx::split(path, '/');
        for (std::string& part : parts) {
            std::ranges::replace(part, '-', '_');
            const std::size_t dot = part.rfind('.');
            const std::string extension = dot == std::string::npos ? "" : part.substr(dot, 4);
            part = part.substr(0, std::min<std::size_t>(dot, 8)) + extension;
        }
        files[ctx::join(parts, "/")] = file;
    }
    made.files = std::move(files);
    return made;
}

} // namespace machines
