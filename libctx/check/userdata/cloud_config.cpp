// The only source that sees libyaml.
#include <algorithm>
#include <memory>
#include <optional>

#include <yaml.h>

#include "check/userdata/cloud_parts.hpp"

namespace ctx::check {

namespace {

struct DeleteParser {
    void operator()(yaml_parser_t* parser) const
    {
        yaml_parser_delete(parser);
        delete parser;
    }
};

struct Event {
    yaml_event_t raw{};
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    Event(Event&&) = delete;
    Event& operator=(Event&&) = delete;
    ~Event() { yaml_event_delete(&raw); }
};

// Events, not a tree: aliases are not followed, so a small text cannot become a large one.
class Reader {
public:
    explicit Reader(std::string_view text)
    {
        auto made = std::make_unique<yaml_parser_t>();
        if (yaml_parser_initialize(made.get()) == 0) throw std::bad_alloc();
        parser_.reset(made.release());
        yaml_parser_set_input_string(parser_.get(), reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size());
    }

    CloudConfig read()
    {
        for (;;) {
            Event event;
            if (yaml_parser_parse(parser_.get(), &event.raw) == 0) {
                config_.fault = parser_->problem == nullptr ? "it is no YAML" : parser_->problem;
                config_.line = parser_->problem_mark.line + 1;
                return std::move(config_);
            }
            if (event.raw.type == YAML_STREAM_END_EVENT) break;
            take(event.raw);
        }
        if (!is_mapping_ && config_.fault.empty()) config_.fault = "it is no mapping of keys to values";
        return std::move(config_);
    }

private:
    // A node of the top mapping: keys and values take turns.
    void node(const yaml_event_t& event)
    {
        if (depth_ == 0 && !is_mapping_ && event.type != YAML_MAPPING_START_EVENT)
            config_.fault = "it is no mapping of keys to values";
        if (depth_ != 1 || !is_mapping_) return;
        if (next_is_key_ && event.type == YAML_SCALAR_EVENT) {
            const auto& scalar = event.data.scalar; // NOLINT(*-union-access): libyaml's, told by the type
            std::string key(reinterpret_cast<const char*>(scalar.value), scalar.length);
            if (std::ranges::find(config_.keys, key) != config_.keys.end())
                config_.twice.push_back(key);
            else
                config_.keys.push_back(std::move(key));
        }
        next_is_key_ = !next_is_key_;
    }

    void take(const yaml_event_t& event)
    {
        switch (event.type) {
        case YAML_MAPPING_START_EVENT:
            node(event);
            if (depth_ == 0) is_mapping_ = next_is_key_ = true;
            ++depth_;
            break;
        case YAML_SEQUENCE_START_EVENT:
            node(event);
            ++depth_;
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT: --depth_; break;
        case YAML_SCALAR_EVENT:
        case YAML_ALIAS_EVENT: node(event); break;
        default: break;
        }
    }

    std::unique_ptr<yaml_parser_t, DeleteParser> parser_;
    CloudConfig config_;
    int depth_ = 0;
    bool is_mapping_ = false;
    bool next_is_key_ = false;
};

} // namespace

CloudConfig read_cloud_config(std::string_view text)
{
    return Reader(text).read();
}

} // namespace ctx::check
