// What libcurl's errors mean to whoever has to mend them.
#pragma once

#include <curl/curl.h>

#include <ctx/base/error.hpp>

namespace image_cache {

ctx::Error with_remedy(CURLcode status, ctx::Error error);
// The same request may work a little later.
bool may_pass(CURLcode status);

} // namespace image_cache
