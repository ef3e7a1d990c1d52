// Addresses of images: what is accepted, and how they are shown.
#pragma once

#include <string>
#include <string_view>

namespace image_cache {

enum class Scheme { http, https, file };

// Throws Error (user) for what is no http, https or file URL.
Scheme check_url(std::string_view url);
bool is_url(std::string_view text);

// A local file's address; `path` is absolute.
std::string file_url(std::string_view path);

// Without user name and password, safe for a terminal: for messages, logs and records.
std::string shown_url(std::string_view url);

// %20 and its like as what they stand for.
std::string decoded(std::string_view text);

// The last part of its path, decoded: what a sums file calls it.
std::string file_name_of(std::string_view url);

} // namespace image_cache
