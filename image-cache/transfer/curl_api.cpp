#include "curl_api.hpp"

#include <dlfcn.h>

#include <ctx/base/error.hpp>

namespace image_cache {

namespace {

ctx::Error not_loaded()
{
    const char* why = ::dlerror();
    return ctx::Error(ctx::Blame::node, "libcurl cannot be loaded")
        .at("libcurl.so.4")
        .because(why != nullptr ? why : "the loader does not say why")
        .mend("install libcurl4");
}

template <class Function>
void find(void* library, const char* name, Function& function)
{
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (function == nullptr) throw not_loaded();
}

CurlApi load()
{
    // Never closed: OpenSSL and others have handlers for the end of the process.
    void* const library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw not_loaded();
    CurlApi api{};
    find(library, "curl_global_init", api.global_init);
    find(library, "curl_easy_init", api.easy_init);
    find(library, "curl_easy_cleanup", api.easy_cleanup);
    find(library, "curl_easy_setopt", api.easy_setopt);
    find(library, "curl_easy_perform", api.easy_perform);
    find(library, "curl_easy_getinfo", api.easy_getinfo);
    find(library, "curl_easy_strerror", api.easy_strerror);
    find(library, "curl_slist_append", api.slist_append);
    find(library, "curl_slist_free_all", api.slist_free_all);
    find(library, "curl_getdate", api.getdate);
    if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        throw ctx::Error(ctx::Blame::node, "libcurl does not start").at("libcurl.so.4");
    return api;
}

} // namespace

const CurlApi& CurlApi::get()
{
    static const CurlApi api = load();
    return api;
}

} // namespace image_cache
