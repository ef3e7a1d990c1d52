#include "embedded_signature.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <ctx/base/text.hpp>

#include "../copy.hpp"

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

template <auto Function>
struct Free {
    template <class Handle>
    void operator()(Handle* handle) const
    {
        Function(handle);
    }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using CertificateStore = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

Error does_not_hold(std::string why)
{
    return Error(Blame::remote, "the image's embedded signature does not hold")
        .because(std::move(why))
        .mend("get the image from another mirror; or correct whom you allow to sign");
}

std::string openssl_reason()
{
    const unsigned long code = ERR_get_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return reason != nullptr ? reason : "OpenSSL does not say why";
}

// The text that begins behind a quote, up to its closing one, unescaped as far as such texts need.
std::optional<std::string> read_string(std::string_view text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') return result;
        if (text[i] != '\\') {
            result += text[i];
            continue;
        }
        if (++i == text.size()) break;
        switch (text[i]) {
        case 'n': result += '\n'; break;
        case 'r': result += '\r'; break;
        case 't': result += '\t'; break;
        case '"':
        case '\\':
        case '/': result += text[i]; break;
        default: return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::string> value_of(std::string_view text, std::string_view key)
{
    const std::string quoted = fmt::format("\"{}\"", key);
    constexpr std::string_view blanks = " \t\r\n";
    for (std::size_t at = text.find(quoted); at != std::string_view::npos; at = text.find(quoted, at + 1)) {
        std::string_view rest = text.substr(at + quoted.size());
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(blanks)));
        if (!rest.starts_with(':')) continue;
        rest.remove_prefix(1);
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(blanks)));
        if (rest.starts_with('"')) return read_string(rest.substr(1));
    }
    return std::nullopt;
}

std::optional<std::string> decode_base64(std::string_view text)
{
    std::string clean;
    std::ranges::copy_if(text, std::back_inserter(clean), [](char c) { return c > ' '; });
    if (clean.empty() || clean.size() % 4 != 0) return std::nullopt;
    std::string bytes(clean.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(clean.data()), static_cast<int>(clean.size()));
    if (size < 0) return std::nullopt;
    const auto padding = static_cast<std::size_t>(std::ranges::count(clean.substr(clean.size() - 2), '='));
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

Certificate read_certificate(const std::string& pem)
{
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) throw does_not_hold("its certificate cannot be read: " + openssl_reason());
    return certificate;
}

// "/DC=ch/DC=cern/CN=…", as grids write it; a slash within a value is escaped, so that it cannot pass for
// another part.
std::string subject_of(const X509* certificate)
{
    const X509_NAME* name = X509_get_subject_name(certificate);
    std::string subject;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        const int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        unsigned char* text = nullptr;
        const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
        if (size < 0 || nid == NID_undef) throw does_not_hold("its certificate's name cannot be read");
        const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owner(text);
        subject += fmt::format("/{}=", OBJ_nid2sn(nid));
        for (const char c :
             std::string_view(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)))
            subject += c == '/' || c == '\\' ? std::string{'\\', c} : std::string{c};
    }
    return subject;
}

void check_issuer(X509* certificate, const std::string& ca_file)
{
    const CertificateStore store(X509_STORE_new());
    if (!store || X509_STORE_load_file(store.get(), ca_file.c_str()) != 1)
        throw Error(Blame::node, "the signers' CA cannot be read")
            .at(ca_file)
            .because(openssl_reason())
            .mend("name a file of PEM certificates");
    // An image outlives the certificate it was signed with: its dates are not looked at.
    X509_STORE_set_flags(store.get(), X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
    const StoreContext context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) != 1)
        throw Error(Blame::node, "certificates cannot be checked").at("OpenSSL").because(openssl_reason());
    if (X509_verify_cert(context.get()) != 1)
        throw does_not_hold(fmt::format(
            "its certificate: {}", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
}

void check_signature(const NamedFd& file, std::uint64_t signed_size, X509* certificate,
                     const std::string& signature, const ProgressFunction& progress)
{
    EVP_PKEY* const key = X509_get0_pubkey(certificate);
    const DigestContext context(EVP_MD_CTX_new());
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || !context ||
        EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1)
        throw does_not_hold("its certificate is not for RSA");
    Ticker ticker(progress, "verify", signed_size);
    std::vector<char> buffer(1 << 20);
    for (std::uint64_t offset = 0; offset < signed_size;) {
        const std::uint64_t count = std::min<std::uint64_t>(buffer.size(), signed_size - offset);
        read_exactly(file, buffer.data(), count, offset, Blame::node);
        if (EVP_DigestVerifyUpdate(context.get(), buffer.data(), count) != 1)
            throw Error(Blame::node, "hashing failed").at("OpenSSL");
        offset += count;
        ticker.advance(count);
    }
    if (EVP_DigestVerifyFinal(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                              signature.size()) != 1)
        throw does_not_hold("it is not of this image");
}

} // namespace

SignatureBlock parse_signature_block(std::string_view block)
{
    const std::optional<std::string> certificate = value_of(block, "certificate");
    const std::optional<std::string> text = value_of(block, "signature");
    const std::optional<std::string> signature = text ? decode_base64(*text) : std::nullopt;
    if (!certificate || !signature) throw does_not_hold("there is none in its last 32 KiB");
    return {.certificate = *certificate, .signature = *signature};
}

bool matches_pattern(std::string_view pattern, std::string_view name)
{
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = std::string_view::npos;
    std::size_t retry = 0;
    while (in < name.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            retry = in;
        } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[in])) {
            ++at;
            ++in;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in = ++retry;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

std::string verify_embedded(const NamedFd& file, std::uint64_t size, const EmbeddedSigner& signer,
                            const ProgressFunction& progress)
{
    if (size < 2 * signature_block_size) throw does_not_hold("the image is too small to have one");
    const std::uint64_t signed_size = size - signature_block_size;
    std::string block(signature_block_size, '\0');
    read_exactly(file, block.data(), block.size(), signed_size, Blame::node);
    const SignatureBlock parts = parse_signature_block(block);
    const Certificate certificate = read_certificate(parts.certificate);
    check_issuer(certificate.get(), signer.ca_file);
    const std::string subject = subject_of(certificate.get());
    if (!matches_pattern(signer.subject, subject))
        throw does_not_hold(
            fmt::format("it is by {}, allowed is {}", ctx::printable(subject), signer.subject));
    check_signature(file, signed_size, certificate.get(), parts.signature, progress);
    return ctx::printable(subject);
}

} // namespace image_cache
