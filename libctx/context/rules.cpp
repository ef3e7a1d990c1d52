#include "context/rules.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/names.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

namespace {

// Not <cctype>: what counts must not depend on the locale.
constexpr bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
constexpr bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_control(char c)
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool consists_of(std::string_view text, std::string_view more)
{
    return std::ranges::all_of(text,
                               [&](char c) { return is_alnum(c) || more.find(c) != std::string_view::npos; });
}

bool has_control(std::string_view text)
{
    return std::ranges::any_of(text, is_control);
}

bool has_blank(std::string_view text)
{
    return has_control(text) || text.find(' ') != std::string_view::npos;
}

std::string in_quotes(std::string_view text)
{
    return "'" + printable(text) + "'";
}

bool is_number(std::string_view text)
{
    return !text.empty() && text.size() <= 10 && std::ranges::all_of(text, is_digit);
}

// Words that go to mount(8) as they are.
Problem wrong_mount_word(std::string_view text, std::string_view what)
{
    if (has_blank(text))
        return fmt::format("{} is no {}: blanks and control characters cannot be in it", in_quotes(text),
                           what);
    if (text.starts_with('-'))
        return fmt::format("{} is no {}: mount would take it for an option", in_quotes(text), what);
    return std::nullopt;
}

} // namespace

Problem wrong_user_name(std::string_view text)
{
    if (is_user_name(text)) return std::nullopt;
    return fmt::format(
        "{} is no account's name: lower-case letters, digits, '_' and '-', at most 32, the first "
        "a letter or '_'",
        in_quotes(text));
}

Problem wrong_host_name(std::string_view text)
{
    if (is_host_name(text) && text.size() <= 64)
        return std::nullopt; // Linux' own limit is shorter than RFC 1123's
    return fmt::format("{} is no host name: letters, digits and inner dashes between dots, at most 64 in all",
                       in_quotes(text));
}

Problem wrong_instance_id(std::string_view text)
{
    if (is_job_id(text)) return std::nullopt;
    return fmt::format("{} is no instance id: at most 128 letters, digits and ._-+@[]", in_quotes(text));
}

Problem wrong_ssh_key(std::string_view text)
{
    if (has_control(text))
        return fmt::format("a key is one line without control characters: {}", in_quotes(text));
    // An options field may come first: from="…" ssh-ed25519 AAAA…
    for (const std::string& word : split(text, ' ')) {
        if (word.starts_with("ssh-") || word.starts_with("ecdsa-sha2-") || word.starts_with("sk-"))
            return std::nullopt;
    }
    return fmt::format("{} is no line of authorized_keys (as \"ssh-ed25519 AAAA…\")", in_quotes(text));
}

Problem wrong_guest_path(std::string_view text)
{
    if (!text.starts_with('/')) return fmt::format("{} is not an absolute path", in_quotes(text));
    if (text == "/") return std::nullopt;
    if (has_control(text)) return fmt::format("{} has control characters", in_quotes(text));
    for (const std::string& part : split(text.substr(1), '/')) {
        if (part.empty() || part == "." || part == "..")
            return fmt::format("{} must be written without '//', '.', '..' and a last '/'", in_quotes(text));
        if (part.size() > 255) return fmt::format("{} has a name of more than 255 bytes", in_quotes(text));
    }
    if (text.size() > 4000) return fmt::format("{} is longer than 4000 bytes", in_quotes(text));
    return std::nullopt;
}

Problem wrong_mount_point(std::string_view text)
{
    if (auto problem = wrong_guest_path(text)) return problem;
    if (text == "/") return "nothing can be mounted over '/'";
    if (has_blank(text) || text.find('\\') != std::string_view::npos)
        return fmt::format("{} is no mount point: blanks and backslashes cannot be in it", in_quotes(text));
    return std::nullopt;
}

Problem wrong_owner_name(std::string_view text)
{
    if (is_user_name(text) || is_number(text)) return std::nullopt;
    return fmt::format("{} is no owner: write \"user:group\", each a name or a number", in_quotes(text));
}

Problem wrong_service_name(std::string_view text)
{
    if (!text.empty() && text.size() <= 128 && text.front() != '-' && consists_of(text, "@._:-"))
        return std::nullopt;
    return fmt::format("{} is no service's name", in_quotes(text));
}

Problem wrong_mac(std::string_view text)
{
    const std::vector<std::string> parts = split(text, ':');
    const auto is_byte = [](const std::string& part) {
        return part.size() == 2 && part.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    };
    if (parts.size() == 6 && std::ranges::all_of(parts, is_byte)) return std::nullopt;
    return fmt::format("{} is no hardware address (as \"52:54:00:12:34:56\")", in_quotes(text));
}

Problem wrong_ipv4(std::string_view text)
{
    in_addr address{};
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1) return std::nullopt;
    return fmt::format("{} is no IPv4 address", in_quotes(text));
}

Problem wrong_ipv4_network(std::string_view text)
{
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos && !wrong_ipv4(text.substr(0, slash))) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned prefix = 0;
        const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
        if (failure == std::errc{} && end == digits.data() + digits.size() && prefix >= 1 && prefix <= 32)
            return std::nullopt;
    }
    return fmt::format("{} is no IPv4 address with its prefix (as \"10.0.0.5/24\")", in_quotes(text));
}

Problem wrong_mount_source(std::string_view text)
{
    if (text.empty()) return "the source of a mount is empty";
    return wrong_mount_word(text, "source of a mount");
}

Problem wrong_mount_type(std::string_view text)
{
    if (!text.empty() && text.front() != '-' && consists_of(text, "._-")) return std::nullopt;
    return fmt::format("{} is no type of file system", in_quotes(text));
}

Problem wrong_mount_options(std::string_view text)
{
    return wrong_mount_word(text, "list of mount options");
}

Problem wrong_environment_name(std::string_view text)
{
    if (is_environment_name(text)) return std::nullopt;
    return fmt::format("{} is no variable's name: letters, digits and '_', no digit first", in_quotes(text));
}

Problem wrong_text(std::string_view text)
{
    if (text.find('\0') == std::string_view::npos) return std::nullopt;
    return "a NUL byte cannot be in it";
}

Problem wrong_cernvm_name(std::string_view text)
{
    if (!text.empty() && consists_of(text, "._-")) return std::nullopt;
    return fmt::format("{} cannot be told to amiconfig: letters, digits and '._-' only", in_quotes(text));
}

Problem wrong_cernvm_proxy(std::string_view text)
{
    // No '%': amiconfig's reader takes it for a reference.
    if (consists_of(text, ":/.;|_@+-[]")) return std::nullopt;
    return fmt::format("{} is no list of proxies (as \"http://squid:3128;DIRECT\")", in_quotes(text));
}

Problem wrong_amiconfig_name(std::string_view text)
{
    const bool is_lower = std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!text.empty() && is_lower && consists_of(text, "_-")) return std::nullopt;
    return fmt::format("{} cannot be told to amiconfig: lower-case letters, digits, '_' and '-' only",
                       in_quotes(text));
}

Problem wrong_amiconfig_value(std::string_view text)
{
    const bool is_plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '%'; });
    if (is_plain && !text.starts_with(' ') && !text.ends_with(' ') && text.find(" ;") == std::string::npos)
        return std::nullopt;
    return fmt::format(
        "{} cannot be told to amiconfig: one line of ASCII without '%', outer blanks and \" ;\", "
        "which begins a comment there",
        in_quotes(text));
}

Problem unwanted_amiconfig_key(std::string_view section, std::string_view key)
{
    if (section == "amiconfig") return "the list of plugins follows from the sections";
    if (section != "cernvm") return std::nullopt;
    struct Unwanted {
        std::string_view key;
        const char* problem;
    };
    static constexpr std::array<Unwanted, 7> keys = {{
        {"organisations", "say it by 'cernvm.organisations'"},
        {"repositories", "say it by 'cernvm.repositories'"},
        {"proxy", "say it by 'cernvm.proxy'"},
        {"users", "amiconfig gives a user no uid and breaks on ':' and ',' in a password; write a [[user]]"},
        {"environment",
         "amiconfig ends at an '=' or ',' in a value, and a name overwrites those that it begins; "
         "write [environment]"},
        {"services", "amiconfig switches no service off; write [services]"},
        {"contextualization_command", "amiconfig runs but one, and loses its output; write a [[command]]"},
    }};
    for (const Unwanted& unwanted : keys) {
        if (unwanted.key == key) return unwanted.problem;
    }
    return std::nullopt;
}

Problem wrong_bootloader_value(std::string_view text)
{
    if (consists_of(text, ":/.,;_@%+=|?&~-")) return std::nullopt;
    return fmt::format(
        "{} cannot be told to the boot loader, which runs its lines as a shell: letters, digits and "
        ":/.,;_@%+=|?&~- only",
        in_quotes(text));
}

Problem wrong_source(const std::filesystem::path& path)
{
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) < 0)
        return fmt::format("{} cannot be read: {}", in_quotes(path.string()), errno_text(errno));
    if (!S_ISREG(info.st_mode)) return fmt::format("{} is not a regular file", in_quotes(path.string()));
    return std::nullopt;
}

} // namespace ctx
