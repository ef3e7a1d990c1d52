# shellcheck shell=bash
# The words of enter's command line. Read twice: by enter, which refuses bad ones before anything is made, and by the
# world's first process, which acts on them.

usage_error() {
    printf 'site/enter: %s\nsite/enter: see --help\n' "$1" >&2
    exit 2
}

# Sets state_dir, accounts, exports, kept, command and net from the command line and VMBATCH_SITE_NET.
# shellcheck disable=SC2034 # the variables are this function's result
parse_arguments() {
    state_dir='' accounts=() exports=() kept=() command=()
    local name='[a-z_][a-z0-9_-]*' id='[0-9]+'
    while (($#)); do
        case $1 in
            --account)
                [[ ${2-} =~ ^$name:$id:$id(:$name=$id(,$name=$id)*)?$ ]] ||
                    usage_error "--account takes NAME:UID:GID[:GROUP=GID,…], not '${2-}'"
                accounts+=("$2"); shift 2 ;;
            --export)
                [[ ${2-} =~ ^(/[^=]*)=(/[A-Za-z0-9_./-]+)$ ]] || usage_error "--export takes PATH=PSEUDO, not '${2-}'"
                [[ $2 != *[\"\\]* && $2 != *$'\n'* ]] || usage_error "--export: no quotes or newlines in '$2'"
                exports+=("$2"); shift 2 ;;
            --keep)
                [[ ${2-} == /* && -d $2 ]] || usage_error "--keep takes the absolute path of a directory, not '${2-}'"
                kept+=("$2"); shift 2 ;;
            --) shift; command=("$@"); break ;;
            -*) usage_error "unknown option '$1'" ;;
            *)
                [[ -z $state_dir ]] || usage_error "the command comes after --, found '$1' before it"
                state_dir=$1; shift ;;
        esac
    done
    [[ -n $state_dir ]] || usage_error 'no STATE_DIR given'
    ((${#command[@]})) || usage_error 'no COMMAND given after --'
    parse_net
    [[ ! -d $state_dir ]] || state_dir=$(realpath "$state_dir")
}

# Sets net (the first three numbers) from VMBATCH_SITE_NET, "A.B.C.0/24".
parse_net() {
    [[ ${VMBATCH_SITE_NET-10.79.0.0/24} =~ ^([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})\.0/24$ ]] ||
        usage_error "VMBATCH_SITE_NET is a network A.B.C.0/24, not '$VMBATCH_SITE_NET'"
    # shellcheck disable=SC2034
    net=${BASH_REMATCH[1]}
}
