// Help that reads as documentation: what a command does in full on its own page, in one line in its parent's
// list.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

class HelpFormatter : public CLI::Formatter {
public:
    std::string make_description(const CLI::App* app) const override;
    std::string make_usage(const CLI::App* app, std::string name) const override;
    std::string make_subcommand(const CLI::App* sub) const override;
};
