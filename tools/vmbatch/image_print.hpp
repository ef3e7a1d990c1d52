// Images as vmbatch shows them: lines for people, JSON (schema 1) for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ctx/base/error.hpp>
#include <image-cache/pull.hpp>
#include <image-cache/store.hpp>

nlohmann::json image_json(const image_cache::Image& image);
nlohmann::json pull_json(const image_cache::PullReport& report);
nlohmann::json error_json(const ctx::Error& error);
// The names of an image with what each stood for before, who holds it, and how it came here.
nlohmann::json image_details_json(const image_cache::Store& store, const image_cache::Image& image);
// Prints `object` with its schema.
void print_json(nlohmann::json object);

void print_image_table(const std::vector<image_cache::Image>& images);
void print_image_details(const image_cache::Store& store, const image_cache::Image& image);

// "debian", or the beginning of its digest where it has no name.
std::string short_name(const image_cache::Image& image);
