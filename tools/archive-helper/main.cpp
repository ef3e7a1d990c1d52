// archive-helper <ARCHIVE
//
// Looks at an archive on its standard input. Exit status 0: it is good; 1: two lines on standard output say
// what is wrong and why. A process of its own, for an archive is hostile and what unpacks it is large: it
// needs no privilege and no file, and can be ended at any moment.
#include <exception>
#include <iostream>

#include <unistd.h>

#include <ctx/archive_fault.hpp>

int main()
{
    try {
        const auto fault = ctx::archive_fault(STDIN_FILENO);
        if (!fault) return 0;
        std::cout << fault->problem << '\n' << fault->reason << '\n';
        return 1;
    } catch (const std::exception& error) {
        std::cout << "not a tar archive that can be read\n" << error.what() << '\n';
        return 1;
    }
}
