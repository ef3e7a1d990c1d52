#include "openpgp.hpp"

#include <chrono>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/base/text.hpp>

namespace image_cache {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ctx::Blame;
using ctx::Error;

namespace {

// gpgv wants files. Made where nobody else can look or write, gone with the call.
class Scratch {
public:
    Scratch()
    {
        std::string pattern = (fs::temp_directory_path() / "vmbatch-gpgv.XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw ctx::system_error("cannot make a temporary directory", pattern, errno);
        path_ = pattern;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    Scratch(Scratch&&) = delete;
    Scratch& operator=(Scratch&&) = delete;
    ~Scratch()
    {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    fs::path write(std::string_view name, std::string_view content) const
    {
        ctx::write_file(path_ / name, content, 0600);
        return path_ / name;
    }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void check_keyring(const fs::path& keyring)
{
    if (keyring.empty())
        throw Error(Blame::node, "no keyring says whose signatures count")
            .because("images.keyring is not set")
            .mend("set it, or give --keyring FILE: public keys as `gpg --export` writes them");
    if (!keyring.is_absolute() || ::access(keyring.c_str(), R_OK) < 0)
        throw ctx::system_error("the keyring cannot be read", keyring.string(),
                                keyring.is_absolute() ? errno : EINVAL)
            .mend("name a readable file by its absolute path");
}

// "[GNUPG:] VALIDSIG <fingerprint> …" is what a good signature by a key of the ring is known by.
std::optional<std::string> signer_in(std::string_view status)
{
    std::string name;
    std::string fingerprint;
    for (const std::string& line : ctx::split(status, '\n')) {
        const std::vector<std::string> words = ctx::split(line, ' ');
        if (words.size() > 3 && words[1] == "GOODSIG")
            name = line.substr(line.find(words[3], line.find(words[2]) + words[2].size()));
        if (words.size() > 2 && words[1] == "VALIDSIG") fingerprint = words[2];
    }
    if (fingerprint.empty()) return std::nullopt;
    return name.empty() ? fingerprint : fmt::format("{} ({})", fingerprint, ctx::printable(name));
}

std::string run_gpgv(std::vector<std::string> files, const fs::path& keyring, const Scratch& scratch,
                     const std::string& place)
{
    std::vector<std::string> argv = {
        "/usr/bin/gpgv", "--homedir", scratch.path().string(), "--keyring", keyring.string(),
        "--status-fd",   "1"};
    argv.insert(argv.end(), files.begin(), files.end());
    const ctx::ProcessResult result = ctx::run({.argv = argv}, ctx::Deadline::in(10min));
    if (const std::optional<std::string> signer = signer_in(result.output); signer && result.status.success())
        return *signer;
    throw Error(Blame::remote, "the signature does not hold")
        .at(place)
        .because(
            ctx::printable(result.error_output.empty() ? "gpgv does not say why" : result.error_output, 600))
        .mend(fmt::format("if it is another key's that you trust, add that one to {}", keyring.string()));
}

} // namespace

std::string verify_detached(const fs::path& data, std::string_view signature, const fs::path& keyring,
                            const std::string& place)
{
    check_keyring(keyring);
    const Scratch scratch;
    return run_gpgv({scratch.write("signature", signature).string(), data.string()}, keyring, scratch, place);
}

SignedText verify_clearsigned(std::string_view document, const fs::path& keyring, const std::string& place)
{
    check_keyring(keyring);
    const Scratch scratch;
    const fs::path text = scratch.path() / "text";
    std::string signer = run_gpgv({"--output", text.string(), scratch.write("document", document).string()},
                                  keyring, scratch, place);
    return {.text = ctx::read_file(text, 4 << 20), .signer = std::move(signer)};
}

} // namespace image_cache
