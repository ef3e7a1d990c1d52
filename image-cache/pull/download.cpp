#include "download.hpp"

#include <thread>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "../copy.hpp"
#include "../transfer/backoff.hpp"
#include "../transfer/url.hpp"

namespace image_cache {

using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

// A server that wants us to wait longer is as good as one that is down.
constexpr auto longest_pause = 5min;
// For the same reason more than this many fresh starts are not worth their bytes.
constexpr unsigned most_restarts = 2;

// What the server gives is not what it said, or not what the part is the beginning of: from the start, then.
struct StartOver {
    const char* why;
};

class Download : private Receiver {
public:
    Download(PartFile& part, const DownloadTask& task) : part_(part), task_(task) {}

    DownloadResult run()
    {
        resume();
        for (;;) {
            try {
                if (std::optional<DownloadResult> result = try_once()) return std::move(*result);
            } catch (const StartOver& again) {
                if (++restarts_ > most_restarts)
                    throw Error(Blame::remote, "the server does not give one and the same file")
                        .at(shown_url(task_.url))
                        .because(again.why)
                        .mend("try again later, or name a mirror");
                intake_.reset();
                may_resume_ = false;
            } catch (...) {
                if (intake_) intake_->keep();
                throw;
            }
        }
    }

private:
    // The part of an earlier download is taken for a beginning where the server, or in the end the digest,
    // can say so.
    void resume()
    {
        const PartState state = part_.state();
        may_resume_ =
            part_.offset() > 0 && (task_.has_digest || state.url == task_.url) && !task_.past_caches;
        if (!may_resume_) return;
        try {
            begin_intake();
            resumed_ = intake_->received();
        } catch (const PartDamaged&) {
            intake_.reset();
            may_resume_ = false;
        }
    }

    void begin_intake()
    {
        intake_.reset();
        intake_ = std::make_unique<Intake>(part_, task_.intake);
    }

    std::uint64_t received() const { return intake_ ? intake_->received() : 0; }

    TransferRequest next_request() const
    {
        TransferRequest request{.url = task_.url, .past_caches = task_.past_caches};
        if (may_resume_ && received() > 0) {
            request.offset = received();
            // Another mirror's validator says nothing about this file; the digest will.
            if (part_.state().url == task_.url) request.if_range = part_.state().validator;
        } else if (task_.known) {
            request.if_none_match = task_.known->etag;
            request.if_modified_since = task_.known->etag.empty() ? task_.known->last_modified : "";
        }
        return request;
    }

    std::optional<DownloadResult> try_once()
    {
        const std::uint64_t before = received();
        const TransferRequest request = next_request();
        requested_ = request.offset;
        const TransferEnd end = transfer(request, task_.request.network, task_.request.deadline, *this);
        if (end.failure) {
            if (received() > before) backoff_.progress();
            wait_or_give_up(*end.failure);
            return std::nullopt;
        }
        if (end.head.status == 304) return DownloadResult{.arrival = {}, .head = end.head, .resumed = 0};
        if (end.head.status == 416) check_complete(end.head);
        if (const auto total = part_.state().total; total && received() != *total)
            throw StartOver{"its length is not what it said"};
        // A local file is looked at before and after.
        if (const PartState state = part_.state(); state.url == task_.url && !state.validator.empty() &&
                                                   !end.head.validator().empty() &&
                                                   state.validator != end.head.validator())
            throw StartOver{"it is being changed"};
        DownloadResult result{.arrival = intake_->finish(), .head = end.head, .resumed = resumed_};
        return result;
    }

    void wait_or_give_up(const TransferFailure& failure)
    {
        const bool is_too_long = failure.retry_after && *failure.retry_after > longest_pause;
        if (!failure.may_pass || is_too_long || backoff_.failures() + 1 >= task_.request.network.tries) {
            Error error = failure.error;
            if (backoff_.failures() > 0) error.add_context(fmt::format("try {}", backoff_.failures() + 1));
            throw Error(std::move(error));
        }
        const auto pause = backoff_.next(failure.retry_after);
        if (const auto& deadline = task_.request.deadline; deadline && deadline->left() < pause)
            throw Error(failure.error);
        std::this_thread::sleep_for(pause);
        may_resume_ = received() > 0 && (task_.has_digest || !part_.state().validator.empty());
        if (!may_resume_) intake_.reset();
    }

    // "No such range" means all is here, if all is what we have.
    void check_complete(const ResponseHead& head) const
    {
        const auto total = head.range ? head.range->total : std::nullopt;
        if (!total || *total != received() || received() == 0) throw StartOver{"it refuses the rest of it"};
    }

    void begin(const ResponseHead& head) override
    {
        if (requested_ > 0 && head.status == 206) {
            continue_with(head);
        } else {
            begin_anew(head);
        }
        ticker_.emplace(task_.request.progress, "fetch", part_.state().total.value_or(0));
        ticker_->advance(received());
    }

    void continue_with(const ResponseHead& head) const
    {
        const PartState state = part_.state();
        if (!head.range || head.range->first != requested_)
            throw StartOver{"it gives another range than asked for"};
        if (state.total && head.range->total && *state.total != *head.range->total)
            throw StartOver{"its length has changed"};
        const bool is_same_place = state.url == task_.url && !state.validator.empty();
        if (is_same_place && !head.validator().empty() && head.validator() != state.validator)
            throw StartOver{"its ETag has changed"};
        if (state.total) check_room(*state.total - requested_);
    }

    void begin_anew(const ResponseHead& head)
    {
        const bool begins = head.range && head.range->first.value_or(1) ==
                                              0; // NOLINT(bugprone-unchecked-optional-access): asked for
        if (head.status == 206 && !begins) throw StartOver{"it gives a range that nobody asked for"};
        intake_.reset();
        resumed_ = 0;
        part_.begin(task_.url, head.validator(), head.total());
        if (const auto total = head.total()) check_room(*total);
        begin_intake();
    }

    void check_room(std::uint64_t rest) const
    {
        const std::uint64_t total = part_.state().total.value_or(0);
        if (total > task_.request.limits.image)
            throw Error(Blame::remote, "the file is larger than images may be")
                .at(shown_url(task_.url))
                .because(fmt::format("{} bytes, and {} is the most", total,
                                     ctx::format_size(task_.request.limits.image)))
                .mend("raise images.max_size if it is right");
        require_room(part_.file(), rest, "the download");
    }

    void still_wanted() override
    {
        if (task_.request.still_wanted) task_.request.still_wanted();
    }

    void take(std::string_view bytes) override
    {
        if (received() + bytes.size() > task_.request.limits.image)
            throw Error(Blame::remote, "the file is larger than images may be")
                .at(shown_url(task_.url))
                .because(fmt::format("more than {} came", ctx::format_size(task_.request.limits.image)))
                .mend("raise images.max_size if it is right");
        intake_->take(bytes);
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): a response begins before it gives bytes
        ticker_->advance(bytes.size());
    }

    PartFile& part_;
    const DownloadTask& task_;
    std::unique_ptr<Intake> intake_;
    std::optional<Ticker> ticker_;
    Backoff backoff_;
    unsigned restarts_ = 0;
    bool may_resume_ = false;
    std::uint64_t requested_ = 0; // where the current request begins
    std::uint64_t resumed_ = 0;
};

} // namespace

DownloadResult download(PartFile& part, const DownloadTask& task)
{
    return Download(part, task).run();
}

} // namespace image_cache
