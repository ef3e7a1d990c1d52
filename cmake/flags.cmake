# Compiler flags every target shares.
add_library(vmbatch_flags INTERFACE)
target_compile_options(vmbatch_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual -Wformat=2 -fstack-protector-strong
    # Designated initializers leave the other members at their defaults on purpose.
    -Wno-missing-field-initializers)
if(VMBATCH_WERROR)
    target_compile_options(vmbatch_flags INTERFACE -Werror)
endif()
if(VMBATCH_SANITIZE)
    # -Wmaybe-uninitialized reports the instrumentation itself under g++ 12.
    target_compile_options(vmbatch_flags INTERFACE -fsanitize=${VMBATCH_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(vmbatch_flags INTERFACE -fsanitize=${VMBATCH_SANITIZE})
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_definitions(vmbatch_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
