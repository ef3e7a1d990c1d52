// The context file: TOML, schema 1 (howto/context.md has every key).
#pragma once

#include <map>
#include <string>

#include <ctx/base/error.hpp>
#include <ctx/context.hpp>

namespace ctx {

// What ${…} stands for: "job.id" → "1234". Substituted values are never looked into again.
using Variables = std::map<std::string, std::string, std::less<>>;

// Reads and checks a context file. A relative `source` is relative to the file's folder. Throws Error with
// `blame`: file:line, the key, what is allowed.
Context read_context(const std::string& path, const Variables& variables, Blame blame = Blame::user);
Context parse_context(std::string_view text, const std::string& name, const Variables& variables,
                      Blame blame = Blame::user);

// "${job.id}" replaced; "$${" stands for a literal "${". Throws Error for a name that is not there, listing
// the known ones.
std::string substitute(std::string_view text, const Variables& variables, Blame blame,
                       const std::string& place);

// Puts values said on a command line in the place of a context's own, by their keys: guest.hostname,
// cernvm.proxy, environment.VARIABLE, cernvm.ucernvm.KEY. Names outside a context's sections are for ${…}
// alone and are passed over. Throws Error (user).
void set_values(Context& context, const Variables& values);

} // namespace ctx
