// vmbatch image pull
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <image-cache/pull.hpp>

#include "image_command.hpp"
#include "image_print.hpp"

using image_cache::CacheOnly;
using image_cache::Pulled;
using image_cache::PullRequest;
using nlohmann::json;

namespace {

struct Arguments {
    std::string what;
    std::vector<std::string> mirrors;
    std::string keyring;
    std::string proxy;
    std::string ca_file;
    PullRequest request;
    std::string signer;
    std::string signer_ca;
    unsigned tries = 0;   // 0 = as configured
    unsigned timeout = 0; // seconds; 0 = none
    bool as_json = false;
    ProgressMode progress = ProgressMode::automatic;
};

void print(const PullRequest& request, bool as_json, const Pulled& pulled)
{
    if (!pulled.warning.empty())
        fmt::print(stderr, "vmbatch: the server was of no use, what is cached is used: {}\n", pulled.warning);
    if (as_json) {
        json object = {{"image", image_json(pulled.image)},
                       {"result", image_cache::to_string(pulled.result)},
                       {"pull", pull_json(pulled.report)}};
        if (!pulled.warning.empty()) object["warning"] = pulled.warning;
        print_json(std::move(object));
        return;
    }
    fmt::print("{:<8}  sha256:{}\n", image_cache::to_string(pulled.result), pulled.image.digest);
    if (!request.alias.empty()) fmt::print("name      {}\n", request.alias);
    fmt::print("path      {}\n", pulled.image.path.string());
}

// What was said on the command line goes before the remote's own, that before [images].
PullRequest complete(const CommonOptions& common, const Arguments& arguments)
{
    const PullRequest& said = arguments.request;
    const bool is_url = arguments.what.find("://") != std::string::npos;
    const runner::ImageSettings settings = image_settings(common);
    PullRequest request = is_url ? settings.request() : settings.request_for(arguments.what);
    if (is_url) request.urls = {arguments.what};
    request.urls.insert(request.urls.end(), arguments.mirrors.begin(), arguments.mirrors.end());
    for (auto [from, to] :
         {std::pair(&said.alias, &request.alias), std::pair(&said.checksum, &request.checksum),
          std::pair(&said.checksum_url, &request.checksum_url),
          std::pair(&said.signature_url, &request.signature_url),
          std::pair(&arguments.keyring, &request.keyring),
          std::pair(&arguments.proxy, &request.network.proxy),
          std::pair(&arguments.ca_file, &request.network.ca_file)})
        if (!from->empty()) *to = *from;
    if (!arguments.signer.empty())
        request.embedded_signer =
            image_cache::EmbeddedSigner{.subject = arguments.signer, .ca_file = arguments.signer_ca};
    if (said.format) request.format = said.format;
    if (arguments.tries > 0) request.network.tries = arguments.tries;
    request.stale = request.stale && said.stale;
    request.insecure = said.insecure;
    request.cache_only = said.cache_only;
    if (arguments.timeout > 0) request.deadline = ctx::Deadline::in(std::chrono::seconds(arguments.timeout));
    return request;
}

void pull(const CommonOptions& common, const Arguments& arguments)
{
    PullRequest request = complete(common, arguments);
    image_cache::Store store = open_store(common);
    const Pulled pulled = [&] {
        ProgressReport report(arguments.what, arguments.progress);
        request.progress = reporting(report);
        return image_cache::pull(store, request);
    }();
    print(request, arguments.as_json, pulled);
}

void add_proof_options(CLI::App& command, Arguments& arguments)
{
    PullRequest& request = arguments.request;
    command.add_option("--checksum", request.checksum, "What the file at the address must hash to")
        ->type_name("sha256:HEX|sha512:HEX");
    command
        .add_option("--checksum-url", request.checksum_url,
                    "A file of checksums that lists it, GNU or BSD style")
        ->type_name("URL");
    command
        .add_option(
            "--signature", request.signature_url,
            "A detached OpenPGP signature: of the file of checksums if there is one, else of the image")
        ->type_name("URL");
    command.add_option("--keyring", arguments.keyring, "The public keys whose signatures count")
        ->type_name("FILE");
    CLI::Option* signer =
        command
            .add_option("--signer", arguments.signer,
                        "Whose signature within the image counts: a pattern for the name in the certificate")
            ->type_name("DN");
    CLI::Option* ca =
        command.add_option("--signer-ca", arguments.signer_ca, "Who must have issued that certificate")
            ->type_name("FILE");
    signer->needs(ca);
    ca->needs(signer);
    command.add_flag("--insecure", request.insecure, "Take what comes over plain http without any proof");
}

void add_network_options(CLI::App& command, Arguments& arguments)
{
    static const std::map<std::string, CacheOnly> policies = {{"auto", CacheOnly::automatic},
                                                              {"metadata", CacheOnly::metadata},
                                                              {"always", CacheOnly::always},
                                                              {"never", CacheOnly::never}};
    command
        .add_option("--mirror", arguments.mirrors,
                    "Another address of the same file, tried when those before fail")
        ->type_name("URL");
    command
        .add_option_function<std::string>(
            "--cache-only",
            [&arguments](const std::string& name) { arguments.request.cache_only = policies.at(name); },
            "What is taken from the cache without asking")
        ->check(CLI::IsMember(policies))
        ->option_text("auto|metadata|always|never");
    command.add_flag("!--no-stale", arguments.request.stale,
                     "Fail where no server answers, whatever is cached");
    command.add_option("--proxy", arguments.proxy, "The proxy for http and https")->type_name("URL");
    command
        .add_option("--ca-file", arguments.ca_file,
                    "Certificates of the CAs to trust, instead of the system's")
        ->type_name("FILE");
    command.add_option("--tries", arguments.tries, "For each address, while failures may pass")
        ->type_name("N")
        ->check(CLI::Range(1U, 100U));
    command.add_option("--timeout", arguments.timeout, "Give up after so long; what came is kept")
        ->type_name("SECONDS");
}

} // namespace

void add_image_pull(CLI::App& images, CommonOptions& common)
{
    const auto arguments = std::make_shared<Arguments>();
    CLI::App& command =
        add_image_command(images, common, "pull", "Fetch an image into the cache", arguments, pull);
    command.add_option("URL", arguments->what, "Where it is: http, https or file; or the name of a remote")
        ->required()
        ->type_name("");
    command
        .add_option("--name", arguments->request.alias,
                    "The name jobs will know it by; moves here if it is in use")
        ->type_name("ALIAS");
    add_proof_options(command, *arguments);
    add_format_option(command, arguments->request.format);
    add_network_options(command, *arguments);
    add_json_flag(command, *arguments);
    add_progress_option(command, arguments->progress);
    command.footer(image_footer(
        "The file is fetched once, however many ask for it at the same time; what is interrupted goes on "
        "where it\n"
        "ended. While it comes it is hashed, unpacked (gzip, bzip2, xz, zstd; the one disk in a zip, tar or "
        "OVA)\n"
        "and written, holes staying holes. It is published only when its checksum or signature holds and "
        "the\n"
        "disk is one file of its own: raw, qcow2, or made into qcow2 (vmdk, vdi, vhd, vhdx).\n\n"
        "A remote is a [remote.NAME] of the configuration: addresses, checksums, signers; its name is the "
        "image's.\n\n"
        "--cache-only: `auto` uses a known checksum's image and else asks whether the file is still the "
        "same;\n"
        "`metadata` does not ask again for what it has; `always` fetches nothing; `never` fetches anew.",
        "vmbatch image pull https://example.org/debian.qcow2 --name debian --checksum sha256:…"));
}
