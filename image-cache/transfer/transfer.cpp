#include "transfer.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>

#include <fmt/format.h>

#include <ctx/base/text.hpp>
#include <image-cache/inspect.hpp>

#include "curl_api.hpp"
#include "curl_errors.hpp"
#include "file_head.hpp"
#include "slowness.hpp"
#include "url.hpp"

namespace image_cache {

using ctx::Blame;
using ctx::Error;
using Clock = std::chrono::steady_clock;

namespace {

constexpr long most_redirects = 8;
constexpr long receive_buffer = 512 << 10;
constexpr std::size_t longest_explanation = 2048;

bool is_body_status(int status)
{
    return status == 200 || status == 206;
}

std::int64_t date_of(const char* text)
{
    return CurlApi::get().getdate(text, nullptr);
}

// What the callbacks of one transfer share. No exception may pass through libcurl: they are kept for its end.
class Exchange {
public:
    Exchange(const TransferRequest& request, const NetworkOptions& network,
             const std::optional<ctx::Deadline>& deadline, Receiver& receiver)
        : request_(request), network_(network), deadline_(deadline), receiver_(receiver),
          handle_(curl_.easy_init()), slowness_(network.low_speed, network.low_speed_time, Clock::now())
    {
        if (!handle_) throw Error(Blame::node, "libcurl does not start").at("libcurl.so.4");
    }

    TransferEnd run()
    {
        if (is_unchanged_file()) return {.head = head_, .failure = {}};
        prepare();
        const CURLcode status = curl_.easy_perform(handle_.get());
        if (failure_) std::rethrow_exception(failure_);
        note_end();
        TransferEnd end{.head = head_, .failure = {}};
        if (status != CURLE_OK)
            end.failure = explain(status);
        else if (!is_body_status(head_.status) && head_.status != 304 && head_.status != 416)
            end.failure = explain_status();
        else if (is_body_status(head_.status) && !begun_)
            receiver_.begin(head_); // an empty body
        return end;
    }

private:
    template <class Value>
    void set(CURLoption option, Value value)
    {
        curl_.easy_setopt(handle_.get(), option, value);
    }

    bool is_unchanged_file()
    {
        if (!request_.url.starts_with("file:") || request_.if_none_match.empty()) return false;
        head_ = head_of_file(request_);
        head_.final_url = request_.url;
        if (head_.etag != request_.if_none_match) return false;
        head_.status = 304;
        return true;
    }

    void prepare()
    {
        const bool is_https = request_.url.starts_with("https://");
        set(CURLOPT_URL, request_.url.c_str());
        set(CURLOPT_PROTOCOLS_STR, "http,https,file");
        // What was asked for encrypted never comes in the clear; and no server leads us to a file of this
        // host.
        set(CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
        set(CURLOPT_FOLLOWLOCATION, 1L);
        set(CURLOPT_MAXREDIRS, most_redirects);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_BUFFERSIZE, receive_buffer);
        set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(network_.connect_time.count()));
        set(CURLOPT_USERAGENT, "vmbatch");
        set(CURLOPT_ERRORBUFFER, message_.data());
        // The environment's proxies are not the administrator's: batch systems pass on users' environments.
        set(CURLOPT_PROXY, network_.proxy.c_str());
        if (!network_.no_proxy.empty()) set(CURLOPT_NOPROXY, network_.no_proxy.c_str());
        if (!network_.ca_file.empty()) set(CURLOPT_CAINFO, network_.ca_file.c_str());
        set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
        set(CURLOPT_HEADERDATA, this);
        set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
        set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_NOPROGRESS, 0L);
        set(CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
        set(CURLOPT_XFERINFODATA, this);
        if (request_.offset > 0) {
            range_ = fmt::format("{}-", request_.offset);
            set(CURLOPT_RANGE, range_.c_str());
        }
        add_header("If-Range", request_.offset > 0 ? request_.if_range : "");
        add_header("If-None-Match", request_.if_none_match);
        add_header("If-Modified-Since", request_.if_modified_since);
        if (request_.past_caches) {
            add_header("Cache-Control", "no-cache");
            add_header("Pragma", "no-cache");
        }
        if (headers_) set(CURLOPT_HTTPHEADER, headers_.get());
    }

    void add_header(std::string_view name, const std::string& value)
    {
        if (value.empty()) return;
        const std::string line = fmt::format("{}: {}", name, value);
        headers_.reset(curl_.slist_append(headers_.release(), line.c_str()));
    }

    void note_end()
    {
        long status = 0;
        curl_.easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
        head_.status = static_cast<int>(status);
        if (request_.url.starts_with("file:")) head_ = head_of_file(request_);
        const char* url = nullptr;
        curl_.easy_getinfo(handle_.get(), CURLINFO_EFFECTIVE_URL, &url);
        head_.final_url = url != nullptr ? url : request_.url;
    }

    static std::size_t on_header(char* data, std::size_t, std::size_t count, void* self)
    {
        static_cast<Exchange*>(self)->head_.take_line({data, count});
        return count;
    }

    static std::size_t on_body(char* data, std::size_t, std::size_t count, void* self)
    {
        return static_cast<Exchange*>(self)->take({data, count}) ? count : 0;
    }

    bool take(std::string_view bytes)
    {
        const Clock::time_point before = Clock::now();
        try {
            if (!begun_) note_end();
            if (is_body_status(head_.status)) {
                if (!begun_) receiver_.begin(head_);
                begun_ = true;
                receiver_.take(bytes);
            } else {
                explanation_.append(bytes.substr(0, longest_explanation - explanation_.size()));
            }
        } catch (...) {
            failure_ = std::current_exception();
            return false;
        }
        slowness_.received(bytes.size());
        slowness_.we_were_busy(Clock::now() - before);
        return true;
    }

    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
    {
        return static_cast<Exchange*>(self)->must_end() ? 1 : 0;
    }

    bool must_end()
    {
        try {
            receiver_.still_wanted();
        } catch (...) {
            failure_ = std::current_exception();
            return true;
        }
        is_late_ = deadline_ && deadline_->passed();
        is_slow_ = slowness_.is_too_slow(Clock::now());
        return is_late_ || is_slow_;
    }

    std::string place() const
    {
        std::string text = shown_url(request_.url);
        if (!head_.final_url.empty() && head_.final_url != request_.url)
            text += fmt::format(" (redirected to {})", shown_url(head_.final_url));
        if (!network_.proxy.empty()) text += fmt::format(" through the proxy {}", shown_url(network_.proxy));
        return text;
    }

    TransferFailure explain(CURLcode status) const
    {
        if (is_late_)
            return {.error = Error(Blame::remote, "the download did not end in time")
                                 .at(place())
                                 .because("its deadline passed; what came is kept")
                                 .mend("the next try goes on from there")
                                 .as_timeout(),
                    .may_pass = false,
                    .retry_after = {}};
        if (is_slow_)
            return {.error = Error(Blame::remote, "the download is too slow")
                                 .at(place())
                                 .because(fmt::format("less than {} bytes a second for {} s",
                                                      network_.low_speed, network_.low_speed_time.count()))
                                 .mend("name a mirror nearer by, or lower images.low_speed")
                                 .as_timeout(),
                    .may_pass = true,
                    .retry_after = {}};
        const std::string why = message_[0] != '\0' ? message_.data() : curl_.easy_strerror(status);
        return {
            .error = with_remedy(
                status, Error(Blame::remote, "the download failed").at(place()).because(ctx::printable(why))),
            .may_pass = image_cache::may_pass(status),
            .retry_after = {}};
    }

    TransferFailure explain_status() const
    {
        const int status = head_.status;
        const bool is_ours = status >= 400 && status < 500 && status != 408 && status != 429;
        std::string why = fmt::format("HTTP status {}", status);
        if (foreign_content(explanation_) == "an HTML page") why += ", with an HTML page";
        return {.error = Error(is_ours ? Blame::user : Blame::remote, "the server does not give the file")
                             .at(place())
                             .because(std::move(why))
                             .mend(is_ours ? "correct the address, or see who may read it"
                                           : "try again later, or name a mirror"),
                .may_pass = status == 408 || status == 429 || status >= 500,
                .retry_after = parse_retry_after(head_.retry_after, std::time(nullptr), date_of)};
    }

    const TransferRequest& request_;
    const NetworkOptions& network_;
    const std::optional<ctx::Deadline>& deadline_;
    Receiver& receiver_;
    const CurlApi& curl_ = CurlApi::get();
    CurlHandle handle_;
    CurlList headers_;
    std::string range_;
    std::array<char, CURL_ERROR_SIZE> message_{};
    ResponseHead head_;
    Slowness slowness_;
    std::string explanation_; // the beginning of an error's body
    std::exception_ptr failure_;
    bool begun_ = false;
    bool is_late_ = false;
    bool is_slow_ = false;
};

class TextReceiver : public Receiver {
public:
    void begin(const ResponseHead&) override { text.clear(); }
    void take(std::string_view bytes) override
    {
        constexpr std::size_t limit = 4 << 20;
        if (text.size() + bytes.size() > limit)
            throw Error(Blame::remote, "a file of checksums or a signature is too large")
                .because(fmt::format("more than {} bytes", limit))
                .mend("see whether the address is the right one");
        text += bytes;
    }
    std::string text;
};

} // namespace

TransferEnd transfer(const TransferRequest& request, const NetworkOptions& network,
                     const std::optional<ctx::Deadline>& deadline, Receiver& receiver)
{
    return Exchange(request, network, deadline, receiver).run();
}

std::string fetch_text(const std::string& url, const NetworkOptions& network,
                       const std::optional<ctx::Deadline>& deadline, bool past_caches)
{
    TextReceiver receiver;
    TransferEnd end = transfer({.url = url, .past_caches = past_caches}, network, deadline, receiver);
    if (end.failure) throw std::move(end.failure->error);
    return std::move(receiver.text);
}

} // namespace image_cache
