# Compiler flags every target shares.
add_library(vmbatch_flags INTERFACE)
target_compile_options(vmbatch_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual -Wnull-dereference -Wformat=2 -fstack-protector-strong)
if(VMBATCH_WERROR)
    target_compile_options(vmbatch_flags INTERFACE -Werror)
endif()
if(VMBATCH_SANITIZE)
    # -Wnull-dereference and -Wmaybe-uninitialized report the instrumentation itself under g++ 12.
    target_compile_options(vmbatch_flags INTERFACE -fsanitize=${VMBATCH_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all -Wno-null-dereference -Wno-maybe-uninitialized)
    target_link_options(vmbatch_flags INTERFACE -fsanitize=${VMBATCH_SANITIZE})
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_definitions(vmbatch_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
