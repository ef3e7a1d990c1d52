// fmt's own code, of which Debian has headers and a shared library only: compiled once and linked statically,
// for what shares no libraries at all (remoteshell) or few (vmbatch).
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE

// What the headers declare as instantiated elsewhere.
template void detail::buffer<char>::append(const char* begin, const char* end);
template auto detail::dragonbox::to_decimal(float x) noexcept -> dragonbox::decimal_fp<float>;
template auto detail::dragonbox::to_decimal(double x) noexcept -> dragonbox::decimal_fp<double>;
template detail::locale_ref::locale_ref(const std::locale& locale);
template auto detail::locale_ref::get<std::locale>() const -> std::locale;
template auto detail::thousands_sep_impl<char>(locale_ref locale) -> thousands_sep_result<char>;
template auto detail::decimal_point_impl<char>(locale_ref locale) -> char;
template void detail::vformat_to(buffer<char>& buffer, string_view format,
                                 basic_format_args<FMT_BUFFER_CONTEXT(char)> arguments, locale_ref locale);

FMT_END_NAMESPACE
