#include "check/find_context.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "check/userdata/decode_base64.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

// A name as a disc without Rock Ridge and Joliet has it, and Linux shows it: eight and three, in lower case,
// all but letters and digits a "_".
std::string short_name(std::string_view path)
{
    std::vector<std::string> parts = split(lower(path), '/');
    for (std::string& part : parts) {
        const std::size_t dot = part.rfind('.');
        std::string stem = part.substr(0, dot);
        std::string extension = dot == std::string::npos ? "" : part.substr(dot + 1);
        const auto is_kept = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
        for (char& c : stem) c = is_kept(c) ? c : '_';
        for (char& c : extension) c = is_kept(c) ? c : '_';
        part = stem.substr(0, 8);
        if (!extension.empty()) part += "." + extension.substr(0, 3);
    }
    return join(parts, "/");
}

std::vector<std::string> missing_files(const Format& format, const Medium& medium)
{
    std::vector<std::string> missing;
    std::ranges::copy_if(format.files, std::back_inserter(missing),
                         [&](const std::string& file) { return !medium.has(file); });
    const bool has_one =
        std::ranges::any_of(format.one_of, [&](const std::string& file) { return medium.has(file); });
    if (!format.one_of.empty() && !has_one) missing.push_back(join(format.one_of, " or "));
    return missing;
}

bool are_there_by_short_names(const std::vector<std::string>& files, const Medium& medium)
{
    return std::ranges::all_of(files, [&](const std::string& file) { return medium.has(short_name(file)); });
}

template <class List, class Value>
bool contains(const List& list, const Value& value)
{
    return std::ranges::find(list, value) != list.end();
}

std::string names_of(const std::vector<FileSystem>& kinds)
{
    std::vector<std::string> names;
    names.reserve(kinds.size());
    for (const FileSystem kind : kinds) names.emplace_back(to_string(kind));
    return join(names, ", ");
}

// Empty if the format takes the medium. Near: one thing alone is wrong.
struct Comparison {
    bool matches = false;
    std::optional<NearMiss> near;
};

Comparison compare(const Format& format, const Medium& medium)
{
    const bool on = contains(format.filesystems, medium.filesystem);
    const bool labelled = format.labels.empty() || contains(format.labels, medium.label);
    const std::vector<std::string> missing = missing_files(format, medium);
    if (on && labelled && missing.empty()) return {.matches = true, .near = {}};
    NearMiss near{.medium = &medium, .format = &format, .why = "", .remedy = ""};
    if (!missing.empty() && !medium.long_names && are_there_by_short_names(missing, medium)) {
        near.why = fmt::format("no Rock Ridge and no Joliet: {} is called {} there", missing.front(),
                               short_name(missing.front()));
        near.remedy = "make the disc with both (genisoimage -R -J), as 'vmbatch iso build' does";
    } else if (missing.empty() && !on) {
        near.why = fmt::format("it is on {}, and only {} is looked at", to_string(medium.filesystem),
                               names_of(format.filesystems));
        near.remedy = "put it on one of these";
    } else if (missing.empty()) {
        near.why = fmt::format("its label is '{}', and only {} is taken", printable(medium.label),
                               join(format.labels, " or "));
        near.remedy = "give it that label, letter for letter";
    } else if (!format.labels.empty() && labelled && on) {
        near.why = fmt::format("it has the label and no {}", join(missing, ", "));
        near.remedy = "add what is missing; an empty file will do for meta data that say nothing";
    } else {
        return {};
    }
    return {.matches = false, .near = std::move(near)};
}

class Scan {
public:
    explicit Scan(SearchResult& result) : result_(result) {}

    // True ends the search.
    bool look(const Medium& medium, const Format& format)
    {
        Comparison found = compare(format, medium);
        if (found.near) result_.near.push_back(std::move(*found.near));
        if (found.matches) result_.match = {.medium = &medium, .format = &format};
        return found.matches;
    }

private:
    SearchResult& result_;
};

std::vector<const Medium*> in_order_of_drives(const std::vector<std::string>& drives,
                                              const std::vector<const Medium*>& media)
{
    std::vector<const Medium*> ordered;
    for (const std::string& drive : drives) {
        for (const Medium* medium : media) {
            if (medium->device == drive) ordered.push_back(medium);
        }
    }
    return ordered;
}

} // namespace

SearchResult find_context(const Stage& stage, const std::vector<const Medium*>& media)
{
    SearchResult result;
    std::vector<const Medium*> looked_at = media;
    if (!stage.drives.empty()) {
        looked_at = in_order_of_drives(stage.drives, media);
        std::ranges::copy_if(media, std::back_inserter(result.not_looked_at),
                             [&](const Medium* medium) { return !contains(looked_at, medium); });
    }
    Scan scan(result);
    if (stage.search == Search::formats_first) {
        for (const Format& format : stage.formats) {
            for (const Medium* medium : looked_at) {
                if (scan.look(*medium, format)) return result;
            }
        }
    } else if (stage.search == Search::media_first) {
        for (const Medium* medium : looked_at) {
            for (const Format& format : stage.formats) {
                if (scan.look(*medium, format)) return result;
            }
        }
    }
    return result;
}

Found open_context(const Match& match)
{
    Found found{.from = match, .user_data = {}, .variables = {}, .in_doubt = false, .fault = ""};
    const UserDataAt& at = match.format->user_data;
    const MediumFile* file = match.medium->find(at.file);
    if (file == nullptr) return found;
    if (!file->content) {
        found.in_doubt = true;
        found.fault = at.file + " is too large to be looked at";
        return found;
    }
    if (at.variable.empty()) {
        found.user_data = *file->content;
        return found;
    }
    found.variables = read_shell_variables(*file->content);
    const auto word = found.variables.variables.find(at.variable);
    if (word == found.variables.variables.end()) {
        found.in_doubt = found.variables.commands || found.variables.broken;
        if (found.in_doubt) found.fault = at.file + " has more than assignments, and none of " + at.variable;
        return found;
    }
    if (word->second.computed) {
        found.in_doubt = true;
        found.fault = at.variable + " is computed when " + at.file + " is sourced";
        return found;
    }
    const bool is_base64 = at.base64 || (!at.encoding_variable.empty() &&
                                         found.variables.value(at.encoding_variable) == "base64");
    if (!is_base64) {
        found.user_data = word->second.value;
        return found;
    }
    found.user_data = decode_base64(trimmed(word->second.value),
                                    at.base64 && !at.one_line ? Base64Reader::lenient : Base64Reader::strict);
    // A shell's echo makes one blank of a line feed, which the boot loader's decoder does not take.
    if (at.one_line && trimmed(word->second.value).find_first_of(" \t\r\n") != std::string_view::npos)
        found.user_data.reset();
    if (!found.user_data) found.fault = at.variable + " is no base64 in one line";
    return found;
}

} // namespace ctx::check
