# shellcheck shell=bash disable=SC2154 # tests/run sets checkout, results
# What groups need before they can run, each made once: named in a group's `needs`.

# What was compiled before, in this checkout or another, is not compiled again. (cmake reads the first two.)
export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
export CCACHE_DIR=${VMBATCH_CCACHE:-/var/cache/vmbatch/ccache} CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

declare -A prepared=() missing=()

# prepare NEED…: makes them; what cannot be made is named in missing.
prepare() {
    local need
    for need in "$@"; do
        [[ -z ${prepared[$need]-} ]] || continue
        prepared[$need]=yes
        # shellcheck disable=SC2034 # tests/run looks there
        "need_${need//-/_}" || missing[$need]=yes
    done
}

# Output only if it fails.
quietly() {
    local what=$1 log=$results/${1//[^a-z0-9]/-}.log begun=$SECONDS
    shift
    if wait_in_background "$@" >"$log" 2>&1; then
        printf '%s: %d s\n' "$what" $((SECONDS - begun))
    else
        tail -n 40 "$log"
        printf '%s: FAILED after %d s, see %s\n' "$what" $((SECONDS - begun)) "$log"
        return 1
    fi
}

configured() { [[ -e build/$1/build.ninja ]] || cmake --preset "$1"; }
build() {
    local preset=$1
    shift
    configured "$preset" && cmake --build --preset "$preset" --target "$@"
}

need_build() { quietly 'build dev' build dev all; }
need_unit_tests() { quietly 'build dev unit-tests' build dev unit-tests; }
need_asan() { quietly 'build asan' build asan unit-tests fuzz; }
need_guests() {
    local guest
    for guest in mini debian; do
        quietly "guest $guest" tests/guests/build "$guest" --dir "$VMBATCH_GUESTS" || return
    done
}
