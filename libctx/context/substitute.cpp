#include <vector>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <ctx/context_file.hpp>

namespace ctx {

namespace {

Error unknown_name(std::string_view name, const Variables& variables, Blame blame, const std::string& place)
{
    std::vector<std::string> known;
    for (const auto& entry : variables) known.push_back(entry.first);
    std::string problem = fmt::format("${{{}}} stands for nothing here", printable(name));
    if (const auto close = nearest(name, known)) problem += fmt::format("; did you mean ${{{}}}?", *close);
    const std::string known_list =
        known.empty() ? "no names are known here" : "known here: " + join(known, ", ");
    return Error(blame, std::move(problem)).at(place).mend(known_list + "; a literal ${ is written $${");
}

} // namespace

std::string substitute(std::string_view text, const Variables& variables, Blame blame,
                       const std::string& place)
{
    std::string result;
    for (;;) {
        const std::size_t start = text.find("${");
        result += text.substr(0, start);
        if (start == std::string_view::npos) return result;
        const bool literal = start > 0 && text[start - 1] == '$';
        text.remove_prefix(start + 2);
        if (literal) {
            result += '{'; // its dollar is there already, from before the pair
            continue;
        }
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos)
            throw Error(blame, "'${' without '}'").at(place).mend("a literal ${ is written $${");
        const std::string_view name = text.substr(0, end);
        const auto found = variables.find(name);
        if (found == variables.end()) throw unknown_name(name, variables, blame, place);
        result += found->second;
        text.remove_prefix(end + 1);
    }
}

} // namespace ctx
