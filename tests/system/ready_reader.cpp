// ready-reader DIRECTORY NONCE: the host's side of a guest's report, for a place where the directory is
// mounted by NFS. Says each stage when it is seen first, as "STAGE SECONDS", seconds since boot; ends with
// "ready".
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>

#include "runner/guest/report.hpp"

int main(int argc, char** argv)
{
    if (argc != 3) return 2;
    const std::string directory = argv[1];
    const std::string nonce = argv[2];
    std::string last;
    while (last != "ready") {
        if (const auto report = runner::read_shared_report(directory, nonce);
            report && report->stage != last) {
            last = report->stage;
            timespec now{};
            ::clock_gettime(CLOCK_BOOTTIME, &now);
            std::printf("%s %lld\n", last.c_str(), static_cast<long long>(now.tv_sec));
            std::fflush(stdout);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return 0;
}
