#include "disk/lvm_text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

namespace {

constexpr int deepest = 16; // LVM's own reaches 4

bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.+/@").find(c) != std::string_view::npos;
}

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    LvmSection parse()
    {
        LvmSection whole;
        parse_body(whole, 0);
        return whole;
    }

private:
    [[noreturn]] void damaged(std::string_view wanted) const
    {
        const std::string_view rest = text_.substr(at_);
        throw Error(Blame::user, "LVM's description of the volume group is damaged")
            .because(fmt::format("at byte {}: {} is missing, before '{}'", at_, wanted, printable(rest, 20)))
            .mend("get the image again; `pvck --dump metadata` on a machine with LVM may say more");
    }

    // The next character that counts; '\0' at the end. The text ends at its first NUL.
    char peek()
    {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#')
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
                ++at_;
            else
                return c;
        }
        return '\0';
    }

    void expect(char c)
    {
        if (peek() != c) damaged(fmt::format("'{}'", c));
        ++at_;
    }

    std::string parse_name()
    {
        std::size_t end = at_;
        while (end < text_.size() && is_name_character(text_[end])) ++end;
        if (end == at_) damaged("a name");
        const std::string_view name = text_.substr(at_, end - at_);
        at_ = end;
        return std::string(name);
    }

    std::string parse_string()
    {
        std::string result;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '"') {
                ++at_;
                return result;
            }
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            result += text_[at_];
        }
        damaged("the end of a text");
    }

    LvmScalar parse_scalar()
    {
        if (peek() == '"') return parse_string();
        std::int64_t number = 0;
        const auto [end, failure] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
        if (failure != std::errc{}) damaged("a value");
        at_ = static_cast<std::size_t>(end - text_.data());
        return number;
    }

    std::vector<LvmScalar> parse_value()
    {
        if (peek() != '[') return {parse_scalar()};
        ++at_;
        std::vector<LvmScalar> list;
        while (peek() != ']') {
            list.push_back(parse_scalar());
            if (peek() != ',') break;
            ++at_;
        }
        expect(']');
        return list;
    }

    void parse_body(LvmSection& into, int depth)
    {
        if (depth > deepest) damaged("an end of so many sections within each other");
        while (peek() != '\0' && peek() != '}') {
            std::string name = parse_name();
            if (peek() == '=') {
                ++at_;
                into.values.emplace_back(std::move(name), parse_value());
                continue;
            }
            expect('{');
            LvmSection& inner = into.sections.emplace_back();
            inner.name = std::move(name);
            parse_body(inner, depth + 1);
            expect('}');
        }
        if (depth == 0 && peek() == '}') damaged("a section that ends here");
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

const LvmSection* LvmSection::section(std::string_view wanted) const
{
    const auto found = std::ranges::find(sections, wanted, &LvmSection::name);
    return found == sections.end() ? nullptr : &*found;
}

const std::vector<LvmScalar>* LvmSection::list(std::string_view key) const
{
    const auto found = std::ranges::find_if(values, [&](const auto& value) { return value.first == key; });
    return found == values.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> LvmSection::number(std::string_view key) const
{
    const std::vector<LvmScalar>* found = list(key);
    if (found == nullptr || found->empty()) return std::nullopt;
    const auto* value = std::get_if<std::int64_t>(&found->front());
    return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::string> LvmSection::text(std::string_view key) const
{
    const std::vector<LvmScalar>* found = list(key);
    if (found == nullptr || found->empty()) return std::nullopt;
    const auto* value = std::get_if<std::string>(&found->front());
    return value == nullptr ? std::nullopt : std::optional(*value);
}

LvmSection parse_lvm_text(std::string_view text)
{
    return Parser(text).parse();
}

} // namespace ctx
