// base64 as guests' decoders take it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ctx::check {

// strict: line feeds are passed over, anything else that is no digit ends it. lenient: all that is no digit
// is passed over (base64 -di).
enum class Base64Reader { strict, lenient };

// Nothing if it is no base64.
std::optional<std::string> decode_base64(std::string_view text, Base64Reader reader);

} // namespace ctx::check
