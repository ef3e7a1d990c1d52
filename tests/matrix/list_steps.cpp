// The table, a line a row: the step's name and the programs that pass it.
#include <iostream>
#include <utility>

#include "steps.hpp"

int main()
{
    using Program = std::pair<unsigned, const char*>;
    for (const matrix::Row& row : matrix::rows) {
        std::cout << row.name;
        for (const auto& [bit, name] :
             {Program{matrix::prologue, "prologue"}, Program{matrix::remoteshell, "remoteshell"},
              Program{matrix::epilogue, "epilogue"}, Program{matrix::gc, "gc"}}) {
            if ((row.programs & bit) != 0) std::cout << ' ' << name;
        }
        std::cout << '\n';
    }
}
