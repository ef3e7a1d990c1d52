#include "check/userdata/cloud_parts.hpp"

#include <array>
#include <map>
#include <utility>

#include "check/userdata/decode_base64.hpp"
#include "check/userdata/lines.hpp"

namespace ctx::check {

namespace {

using Kind = CloudPart::Kind;
using Header = std::map<std::string, std::string>;

// A message within a message within …: Python's own depth is larger, and nobody needs it.
constexpr int deepest = 4;
constexpr std::size_t most_parts = 1000;

Kind kind_by_text(std::string_view text)
{
    static constexpr std::array<std::pair<std::string_view, Kind>, 6> beginnings = {{
        {"#cloud-config", Kind::cloud_config},
        {"#!", Kind::script},
        {"#cloud-boothook", Kind::boothook},
        {"#include", Kind::include},
        {"#part-handler", Kind::part_handler},
        {"## template: jinja", Kind::template_},
    }};
    if (is_gzip(text)) return Kind::gzip;
    if (trimmed(text).empty()) return Kind::nothing;
    for (const auto& [beginning, kind] : beginnings) {
        if (text.starts_with(beginning)) return kind;
    }
    return Kind::unknown;
}

Kind kind_by_type(const std::string& type, std::string_view text)
{
    static const std::map<std::string, Kind> types = {
        {"text/cloud-config", Kind::cloud_config},  {"text/x-shellscript", Kind::script},
        {"text/cloud-boothook", Kind::boothook},    {"text/x-include-url", Kind::include},
        {"text/x-include-once-url", Kind::include}, {"text/part-handler", Kind::part_handler},
        {"text/jinja2", Kind::template_},
    };
    const auto known = types.find(type);
    if (known != types.end()) return known->second;
    return type.empty() || type == "text/plain" ? kind_by_text(text) : Kind::unknown;
}

// Lines up to an empty one; a line that begins with a blank goes on with the one before. `rest` begins
// behind.
Header take_header(std::string_view& rest)
{
    Header header;
    std::string last;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        if (trimmed(line).empty()) break;
        if (is_blank(line[0])) {
            if (!last.empty()) header[last].append(" ").append(trimmed(line));
            continue;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        last = lower(trimmed(line.substr(0, colon)));
        header[last] = trimmed(line.substr(colon + 1));
    }
    return header;
}

std::string value_of(const Header& header, const std::string& name)
{
    const auto found = header.find(name);
    return found == header.end() ? "" : found->second;
}

// "multipart/mixed" of `multipart/mixed; boundary="x"`.
std::string media_type(const Header& header)
{
    const std::string whole = value_of(header, "content-type");
    return lower(trimmed(std::string_view(whole).substr(0, whole.find(';'))));
}

std::string boundary_of(const Header& header)
{
    const std::string whole = value_of(header, "content-type");
    constexpr std::string_view name = "boundary=";
    const std::size_t at = lower(whole).find(name);
    if (at == std::string::npos) return "";
    std::string_view value = std::string_view(whole).substr(at + name.size());
    if (value.starts_with('"')) {
        value.remove_prefix(1);
        return std::string(value.substr(0, value.find('"')));
    }
    return std::string(trimmed(value.substr(0, value.find_first_of("; \t"))));
}

std::string decoded(std::string_view body, const std::string& encoding)
{
    if (encoding != "base64") return std::string(body);
    return decode_base64(body, Base64Reader::lenient).value_or("");
}

void read_entity(CloudUserData& data, std::string_view entity, int depth);

void read_multipart(CloudUserData& data, std::string_view body, const std::string& boundary, int depth)
{
    const std::string mark = "--" + boundary;
    const char* start = nullptr; // of the part that is being read
    std::string_view rest = body;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        const std::string_view bare = trimmed(line);
        if (bare != mark && bare != mark + "--") continue;
        if (start != nullptr && data.parts.size() < most_parts)
            read_entity(data, {start, static_cast<std::size_t>(line.data() - start)}, depth + 1);
        start = rest.data();
        if (bare != mark) return;
    }
    // The last mark is missing: what is there is read all the same.
    if (start != nullptr && start != body.data() + body.size())
        read_entity(data, {start, static_cast<std::size_t>(body.data() + body.size() - start)}, depth + 1);
}

void read_entity(CloudUserData& data, std::string_view entity, int depth)
{
    std::string_view body = entity;
    const Header header = take_header(body);
    const std::string type = media_type(header);
    if (type.starts_with("multipart/") && depth < deepest) {
        const std::string boundary = boundary_of(header);
        if (boundary.empty())
            data.fault = "a message of several parts without a boundary";
        else
            read_multipart(data, body, boundary, depth);
        return;
    }
    const std::string encoding = lower(value_of(header, "content-transfer-encoding"));
    std::string text = decoded(body, encoding);
    const Kind kind = kind_by_type(type, text);
    data.parts.push_back({.kind = kind, .text = std::move(text), .encoding = encoding, .type = type});
}

bool looks_like_mime(std::string_view text)
{
    const std::string line = lower(first_line(text));
    return line.starts_with("content-type:") || line.starts_with("mime-version:") ||
           line.starts_with("from nobody");
}

} // namespace

bool is_gzip(std::string_view data)
{
    return data.starts_with("\x1f\x8b");
}

std::string_view to_string(Kind kind)
{
    switch (kind) {
    case Kind::nothing: return "nothing";
    case Kind::cloud_config: return "cloud-config";
    case Kind::script: return "a script";
    case Kind::boothook: return "a boothook";
    case Kind::include: return "an include";
    case Kind::part_handler: return "a part handler";
    case Kind::template_: return "a template";
    case Kind::gzip: return "gzip";
    case Kind::unknown: return "nothing it knows";
    }
    return "";
}

CloudUserData read_cloud_user_data(std::string_view text)
{
    CloudUserData data;
    data.mime = looks_like_mime(text);
    if (data.mime)
        read_entity(data, text, 0);
    else
        data.parts.push_back(
            {.kind = kind_by_text(text), .text = std::string(text), .encoding = "", .type = ""});
    return data;
}

} // namespace ctx::check
