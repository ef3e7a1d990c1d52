# Most commands, and the hooks that run for every job, take a few milliseconds, and a dozen shared libraries would cost
# them six more before main. So what Debian has as a static library is linked statically.
function(static_library name)
    string(TOUPPER ${name} upper)
    find_library(VMBATCH_${upper}_ARCHIVE lib${name}.a REQUIRED)
    add_library(static_${name} STATIC IMPORTED GLOBAL)
    set_target_properties(static_${name} PROPERTIES IMPORTED_LOCATION ${VMBATCH_${upper}_ARCHIVE})
    if(ARGN)
        set_target_properties(static_${name} PROPERTIES INTERFACE_LINK_LIBRARIES "${ARGN}")
    endif()
endfunction()

static_library(z)
static_library(bz2)
static_library(lzma)
static_library(zstd)
static_library(nettle)
static_library(crypto ${CMAKE_DL_LIBS})
static_library(pugixml)
static_library(yaml)
static_library(blkid)
static_library(com_err)
static_library(ext2fs static_com_err)
static_library(acl)
static_library(jte static_z static_bz2)
static_library(isofs static_acl static_jte static_z)
static_library(archive static_nettle static_z static_bz2 static_lzma static_zstd)

# For the programs themselves: the language's own library, too.
add_library(vmbatch_program INTERFACE)
if(NOT VMBATCH_SANITIZE) # whose runtimes need the shared one
    target_link_options(vmbatch_program INTERFACE -static-libstdc++ -static-libgcc)
endif()
