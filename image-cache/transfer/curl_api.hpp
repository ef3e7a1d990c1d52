// libcurl, loaded when the first transfer begins. It brings some thirty libraries with it, which would cost
// every command that only looks into the cache several milliseconds.
#pragma once

#include <memory>

#include <curl/curl.h>

namespace image_cache {

struct CurlApi {
    decltype(&::curl_global_init) global_init;
    decltype(&::curl_easy_init) easy_init;
    decltype(&::curl_easy_cleanup) easy_cleanup;
    decltype(&::curl_easy_setopt) easy_setopt;
    decltype(&::curl_easy_perform) easy_perform;
    decltype(&::curl_easy_getinfo) easy_getinfo;
    decltype(&::curl_easy_strerror) easy_strerror;
    decltype(&::curl_slist_append) slist_append;
    decltype(&::curl_slist_free_all) slist_free_all;
    decltype(&::curl_getdate) getdate;

    // Throws Error (node) if the library is not there.
    static const CurlApi& get();
};

struct FreeCurl {
    void operator()(CURL* handle) const { CurlApi::get().easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, FreeCurl>;

struct FreeCurlList {
    void operator()(curl_slist* list) const { CurlApi::get().slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

} // namespace image_cache
