// Whatever the text: a context that every dialect tells or refuses, or an Error; and what guests' mechanisms
// read is ASCII. Built with -fsanitize=fuzzer,address.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <ctx/base/error.hpp>
#include <ctx/context_file.hpp>
#include <ctx/dialect.hpp>

namespace {

void require(bool good)
{
    if (!good) __builtin_trap();
}

void tell(const ctx::Context& context, const std::string& dialect)
{
    for (const auto& [path, file] : ctx::render(context, ctx::dialect_from_name(dialect)).files) {
        require(!path.starts_with('/') && path.find("..") == std::string::npos);
        const auto* text = std::get_if<std::string>(&file.content);
        if (text == nullptr || path.starts_with("vmbatch/")) continue;
        require(std::ranges::all_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const ctx::Variables variables = {{"job.id", "7"}, {"word", "'; reboot; \"$(x) \n[cernvm]"}};
    try {
        const ctx::Context context = ctx::parse_context(text, "/context.toml", variables);
        for (const std::string& dialect : ctx::dialect_names()) {
            try {
                tell(context, dialect);
            } catch (const ctx::Error& error) {
                require(!error.reason().empty() && !error.remedy().empty());
            }
        }
    } catch (const ctx::Error& error) {
        require(!error.problem().empty() && error.place().starts_with("/context.toml"));
    }
    return 0;
}
