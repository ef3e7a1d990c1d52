#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <ctx/guest_root.hpp>

namespace ctx {

namespace {

bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

// "\040" is a space: fstab(5).
std::string unescape(std::string_view text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
            is_octal(text[i + 3])) {
            result += static_cast<char>(((text[i + 1] - '0') * 64) + ((text[i + 2] - '0') * 8) +
                                        (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::vector<std::string> fields_of(std::string_view line)
{
    std::vector<std::string> fields;
    std::string field;
    for (const char c : line) {
        if (c != ' ' && c != '\t') {
            field += c;
        } else if (!field.empty()) {
            fields.push_back(unescape(field));
            field.clear();
        }
    }
    if (!field.empty()) fields.push_back(unescape(field));
    return fields;
}

std::string lower(std::string text)
{
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

template <class Matches>
const Volume* first(const DiskLayout& layout, Matches matches)
{
    const auto found = std::ranges::find_if(layout.volumes, matches);
    return found == layout.volumes.end() ? nullptr : &*found;
}

const Volume* by_tag(const DiskLayout& layout, std::string_view tag, std::string value)
{
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
    if (value.empty()) return nullptr;
    const std::string wanted = lower(value);
    return first(layout, [&](const Volume& volume) {
        if (tag == "UUID") return volume.content && lower(volume.content->uuid) == wanted;
        if (tag == "LABEL") return volume.content && volume.content->label == value;
        if (tag == "PARTUUID") return lower(volume.partition_uuid) == wanted;
        if (tag == "PARTLABEL") return volume.partition_label == value;
        return false;
    });
}

// device-mapper's name of vg/lv: a dash in either is two.
std::string mapper_name(std::string_view volume)
{
    std::string result;
    for (const char c : volume) {
        if (c == '/')
            result += '-';
        else if (c == '-')
            result += "--";
        else
            result += c;
    }
    return result;
}

// "sda1", "vda1", "xvda1", "hda1", "nvme0n1p1", "mmcblk0p1": the one disk's partition.
const Volume* by_number(const DiskLayout& layout, std::string_view name)
{
    const std::size_t last = name.find_last_not_of("0123456789");
    if (last == std::string_view::npos || last + 1 == name.size()) {
        const bool whole = name.ends_with("da") && name.size() <= 4;
        return whole ? first(layout, [](const Volume& v) { return v.kind == Volume::Kind::disk; }) : nullptr;
    }
    const std::string_view stem = name.substr(0, last + 1);
    constexpr std::array<std::string_view, 6> stems = {"sda", "vda", "xvda", "hda", "nvme0n1p", "mmcblk0p"};
    if (std::ranges::find(stems, stem) == stems.end()) return nullptr;
    const std::string wanted = fmt::format("partition {}", name.substr(last + 1));
    return first(layout, [&](const Volume& volume) { return volume.name == wanted; });
}

} // namespace

std::vector<FstabLine> parse_fstab(std::string_view text)
{
    std::vector<FstabLine> lines;
    for (const std::string& line : split(text, '\n')) {
        const std::vector<std::string> fields = fields_of(line);
        if (fields.size() < 3 || fields[0].starts_with('#')) continue;
        lines.push_back({.source = fields[0],
                         .target = fields[1],
                         .type = fields[2],
                         .options = fields.size() > 3 ? fields[3] : "defaults"});
    }
    return lines;
}

const Volume* find_source(const DiskLayout& layout, std::string_view source)
{
    const std::size_t equals = source.find('=');
    if (equals != std::string_view::npos && !source.starts_with('/'))
        return by_tag(layout, source.substr(0, equals), std::string(source.substr(equals + 1)));
    for (const auto& [folder, tag] :
         {std::pair{"/dev/disk/by-uuid/", "UUID"}, std::pair{"/dev/disk/by-label/", "LABEL"},
          std::pair{"/dev/disk/by-partuuid/", "PARTUUID"},
          std::pair{"/dev/disk/by-partlabel/", "PARTLABEL"}}) {
        const std::string_view prefix = folder;
        if (source.starts_with(prefix)) return by_tag(layout, tag, std::string(source.substr(prefix.size())));
    }
    constexpr std::string_view mapper = "/dev/mapper/";
    constexpr std::string_view devices = "/dev/";
    const auto is_logical = [](const Volume& volume) { return volume.kind == Volume::Kind::logical; };
    if (source.starts_with(mapper))
        return first(layout, [&](const Volume& volume) {
            return is_logical(volume) && mapper_name(volume.name) == source.substr(mapper.size());
        });
    if (!source.starts_with(devices)) return nullptr;
    const std::string_view name = source.substr(devices.size());
    if (const Volume* logical =
            first(layout, [&](const Volume& volume) { return is_logical(volume) && volume.name == name; }))
        return logical;
    return by_number(layout, name);
}

} // namespace ctx
