#include "curl_errors.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace image_cache {

using ctx::Error;

Error with_remedy(CURLcode status, Error error)
{
    switch (status) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return std::move(error).mend(
            "if the server has a certificate of your site's own, name its CA: ca_file");
    case CURLE_SSL_CACERT_BADFILE:
        return std::move(error).mend("correct ca_file: it must be a readable file of PEM certificates");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return std::move(error).mend("see whether this host reaches that one; else set proxy");
    case CURLE_COULDNT_RESOLVE_PROXY: return std::move(error).mend("correct proxy");
    case CURLE_FILE_COULDNT_READ_FILE: return std::move(error).mend("check the path");
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return std::move(error).mend("give the address it leads to, if you trust that one");
    default: return std::move(error).mend("what came is kept: the next try goes on from there");
    }
}

bool may_pass(CURLcode status)
{
    static constexpr std::array<CURLcode, 12> passing = {
        CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,    CURLE_PARTIAL_FILE,
        CURLE_OPERATION_TIMEDOUT,   CURLE_GOT_NOTHING,        CURLE_SEND_ERROR,
        CURLE_RECV_ERROR,           CURLE_SSL_CONNECT_ERROR,  CURLE_HTTP2,
        CURLE_HTTP2_STREAM,         CURLE_WEIRD_SERVER_REPLY, CURLE_COULDNT_RESOLVE_PROXY};
    return std::ranges::count(passing, status) > 0;
}

} // namespace image_cache
