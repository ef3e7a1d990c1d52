#include "proof.hpp"

#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>

#include "../transfer/transfer.hpp"
#include "../transfer/url.hpp"
#include "../verify/embedded_signature.hpp"
#include "../verify/openpgp.hpp"
#include "../verify/sums_file.hpp"

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

bool is_plain(const std::string& url)
{
    return check_url(url) == Scheme::http;
}

std::string temporary_copy_of(const std::string& text)
{
    std::string pattern = (std::filesystem::temp_directory_path() / "vmbatch-sums.XXXXXX").string();
    const ctx::Fd fd(::mkostemp(pattern.data(), O_CLOEXEC));
    if (!fd) throw ctx::system_error("cannot make a temporary file", pattern, errno);
    ctx::write_all(fd.get(), text, pattern);
    return pattern;
}

struct Sums {
    std::string text;
    std::string signer; // or "": nobody signed them
};

Sums fetch_sums(const PullRequest& request, bool past_caches)
{
    const std::string place = shown_url(request.checksum_url);
    const auto fetch = [&](const std::string& url) {
        return fetch_text(url, request.network, request.deadline, past_caches);
    };
    std::string text = fetch(request.checksum_url);
    if (!request.signature_url.empty()) {
        const std::string file = temporary_copy_of(text);
        const auto remove = [&] { ::unlink(file.c_str()); };
        try {
            std::string signer = verify_detached(file, fetch(request.signature_url), request.keyring, place);
            remove();
            return {.text = std::move(text), .signer = std::move(signer)};
        } catch (...) {
            remove();
            throw;
        }
    }
    if (is_clearsigned(text) && !request.keyring.empty()) {
        SignedText verified = verify_clearsigned(text, request.keyring, place);
        return {.text = std::move(verified.text), .signer = std::move(verified.signer)};
    }
    return {.text = std::string(signed_text(text)), .signer = {}};
}

} // namespace

void require_proof(const PullRequest& request)
{
    if (request.insecure) return;
    // Checksums that came in the clear prove nothing unless they are signed.
    const bool is_signed = !request.signature_url.empty() || request.embedded_signer.has_value() ||
                           (!request.checksum_url.empty() && !request.keyring.empty());
    const bool has_checksum =
        !request.checksum.empty() || (!request.checksum_url.empty() && !is_plain(request.checksum_url));
    if (is_signed || has_checksum) return;
    for (const std::string& url : request.urls) {
        if (!is_plain(url)) continue;
        throw Error(Blame::user, "nothing proves what comes over plain http")
            .at(shown_url(url))
            .because("there is neither a checksum nor a signature, and anybody on the way can change it")
            .mend("give --checksum sha256:…, or --checksum-url by https, or --signature; or take it: "
                  "--insecure");
    }
}

Proof find_proof(const PullRequest& request, bool past_caches)
{
    Proof proof;
    if (!request.checksum.empty()) {
        proof.checksum = require_checksum(request.checksum);
        proof.verified = to_string(*proof.checksum);
        return proof;
    }
    if (request.checksum_url.empty()) return proof;
    const Sums sums =
        ctx::while_doing("fetching the checksums", [&] { return fetch_sums(request, past_caches); });
    if (sums.signer.empty() && is_plain(request.checksum_url) && !request.insecure)
        throw Error(Blame::remote, "the checksums are not signed, and came over plain http")
            .at(shown_url(request.checksum_url))
            .mend("get them by https, or give --signature; or take them: --insecure");
    const std::string name = file_name_of(request.urls.front());
    proof.checksum = find_in_sums(sums.text, name);
    if (!proof.checksum)
        throw Error(Blame::remote, "the image is not among the checksums")
            .at(shown_url(request.checksum_url))
            .because(fmt::format("no SHA-256 or SHA-512 of '{}'", ctx::printable(name)))
            .mend("see whether both addresses are of the same release");
    proof.verified = to_string(*proof.checksum);
    if (!sums.signer.empty()) proof.verified += ", signed by " + sums.signer;
    return proof;
}

void check_signatures(const PullRequest& request, const NamedFd& file, const std::string& path,
                      std::uint64_t size, Proof& proof)
{
    const auto add = [&](const std::string& signer) {
        proof.verified += fmt::format("{}signed by {}", proof.verified.empty() ? "" : ", ", signer);
    };
    if (!request.signature_url.empty() && request.checksum_url.empty()) {
        if (request.progress) request.progress({.stage = "verify", .done = 0, .total = size});
        const std::string signature = ctx::while_doing("fetching the signature", [&] {
            return fetch_text(request.signature_url, request.network, request.deadline, false);
        });
        add(verify_detached(path, signature, request.keyring, shown_url(request.urls.front())));
    }
    if (request.embedded_signer) add(verify_embedded(file, size, *request.embedded_signer, request.progress));
}

} // namespace image_cache
