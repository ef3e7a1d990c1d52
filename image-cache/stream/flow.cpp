#include "flow.hpp"

namespace image_cache {

void Flow::fail(std::exception_ptr error)
{
    always([&] {
        if (stopped_) return;
        stopped_ = true;
        error_ = std::move(error);
    });
}

std::exception_ptr Flow::error() const
{
    const std::scoped_lock lock(mutex_);
    return error_;
}

bool Flow::stopped() const
{
    const std::scoped_lock lock(mutex_);
    return stopped_;
}

Stage::Stage(Flow& flow, std::function<void()> work)
    : thread_([&flow, work = std::move(work)] {
          try {
              work();
          } catch (const Stopped&) { // NOLINT(bugprone-empty-catch): another stage has said why
          } catch (...) {
              flow.fail(std::current_exception());
          }
      })
{
}

} // namespace image_cache
