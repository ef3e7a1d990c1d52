#include <algorithm>

#include <fmt/format.h>

#include <ctx/check/report.hpp>

namespace ctx::check {

std::string_view to_string(Severity severity)
{
    switch (severity) {
    case Severity::note: return "note";
    case Severity::warning: return "warning";
    case Severity::unknown: return "not known";
    case Severity::error: return "error";
    }
    return "";
}

std::string_view to_string(Verdict verdict)
{
    switch (verdict) {
    case Verdict::applied: return "applied";
    case Verdict::partly: return "partly applied";
    case Verdict::not_applied: return "not applied";
    case Verdict::not_known: return "not known";
    case Verdict::hangs: return "hangs";
    }
    return "";
}

bool Report::has(Severity severity) const
{
    return std::ranges::any_of(findings, [&](const Finding& one) { return one.severity == severity; });
}

std::string to_text(const Report& report)
{
    std::string text = fmt::format("{} ({}): {}\n", report.guest, report.title, to_string(report.verdict));
    for (const Step& step : report.steps) {
        text += fmt::format("  {:<13} {}\n", step.stage, step.action);
        for (const std::string& what : step.reads) text += fmt::format("  {:<13}   reads {}\n", "", what);
        for (const std::string& what : step.ignores) text += fmt::format("  {:<13}   ignores {}\n", "", what);
    }
    for (const Finding& finding : report.findings) {
        text += fmt::format("  {} {}: {}{}{}\n", to_string(finding.severity), finding.id, finding.place,
                            finding.place.empty() ? "" : ": ", finding.reason);
        if (!finding.remedy.empty()) text += fmt::format("    to mend it: {}\n", finding.remedy);
    }
    return text;
}

} // namespace ctx::check
